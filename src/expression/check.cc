#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "base/text.h"
#include "expression/checker.h"

namespace tocsin {
namespace {

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kNumber:
      return "a number";
    case ValueType::kTruth:
      return "a condition";
    case ValueType::kText:
      return "a text";
  }
  return "";
}

// Names of one unit are one unit.
std::string_view UnitName(std::string_view unit) {
  for (const std::string_view second : {"sec", "secs", "second", "seconds"}) {
    if (unit == second) return "s";
  }
  return unit;
}

std::string RemedyFor(const Node& node, ValueType wanted) {
  if (wanted == ValueType::kTruth && node.type == ValueType::kNumber) {
    return "; compare it, as in " + node.source + " > 50";
  }
  if (wanted == ValueType::kTruth) return "; compare it, as in " + node.source + " == \"…\"";
  return "";
}

bool IsLabelName(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_';
  });
}

}  // namespace

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = Nearest(LowerCase(name), candidates);
  return nearest.empty() ? "" : "; did you mean `" + std::string(nearest) + "`?";
}

std::nullptr_t Checker::Fail(const SourcePlace& place, std::string message) {
  diagnostics_.push_back({place, std::move(message)});
  return nullptr;
}

std::string Checker::SourceOf(const Syntax& syntax) const {
  std::string source;
  for (std::size_t i = syntax.first_token; i <= syntax.last_token; ++i) {
    const Token& token = tokens_[i];
    if (i > syntax.first_token && tokens_[i - 1].end != token.begin) source += ' ';
    source += text_.substr(token.begin, token.end - token.begin);
  }
  return source;
}

std::unique_ptr<Node> Checker::Make(const Syntax& syntax, Node::Kind kind, ValueType type) const {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  node->type = type;
  node->place = syntax.place;
  node->source = SourceOf(syntax);
  return node;
}

std::unique_ptr<Node> Checker::Check(const Syntax& syntax) {
  switch (syntax.kind) {
    case Syntax::Kind::kNumber:
    case Syntax::Kind::kDuration: {
      auto node = Make(syntax, Node::Kind::kNumber, ValueType::kNumber);
      node->number = syntax.number;
      node->duration = syntax.kind == Syntax::Kind::kDuration;
      if (node->duration) node->unit = "s";
      return node;
    }
    case Syntax::Kind::kText: {
      auto node = Make(syntax, Node::Kind::kText, ValueType::kText);
      node->text = syntax.text;
      return node;
    }
    case Syntax::Kind::kName:
      return CheckName(syntax);
    case Syntax::Kind::kOperator:
      return CheckOperator(syntax);
    case Syntax::Kind::kCall:
      return CheckCall(syntax);
    case Syntax::Kind::kNamed:
      break;
  }
  return Fail(syntax.place, "`" + syntax.text + "=` belongs into a call");
}

bool Checker::Expect(const Node& node, ValueType wanted, const std::string& what) {
  if (node.type == wanted) return true;
  Fail(node.place, what + " must be " + std::string(TypeName(wanted)) + ", but `" + node.source +
                       "` is " + std::string(TypeName(node.type)) + RemedyFor(node, wanted));
  return false;
}

std::unique_ptr<Node> Checker::CheckName(const Syntax& syntax) {
  const auto metric = std::ranges::find(metrics_, syntax.text, &MetricSpec::name);
  if (metric != metrics_.end()) {
    auto node = Make(syntax, Node::Kind::kMetric, ValueType::kNumber);
    node->metric = static_cast<std::size_t>(metric - metrics_.begin());
    node->text = metric->name;
    node->unit = UnitName(metric->unit);
    return node;
  }
  if (syntax.text == "device_id") return Make(syntax, Node::Kind::kDeviceId, ValueType::kText);
  if (syntax.text == "status") return Make(syntax, Node::Kind::kStatus, ValueType::kText);
  if (syntax.text.starts_with("labels.")) return CheckLabel(syntax);
  return UnknownName(syntax);
}

std::unique_ptr<Node> Checker::CheckLabel(const Syntax& syntax) {
  const std::string_view name = std::string_view(syntax.text).substr(7);
  if (!IsLabelName(name)) {
    return Fail(syntax.place, "`" + syntax.text + "` is no label; write labels.NAME");
  }
  auto node = Make(syntax, Node::Kind::kLabel, ValueType::kText);
  node->text = name;
  return node;
}

std::unique_ptr<Node> Checker::UnknownName(const Syntax& syntax) {
  const std::string& name = syntax.text;
  const std::string lower = LowerCase(name);
  if (lower == "true" || lower == "false") {
    return Fail(syntax.place, "there is no `" + name +
                                  "`; compare a metric of type bool with 1 or 0, as in door == 1");
  }
  if (lower == "null" || lower == "nan" || lower == "inf") {
    return Fail(syntax.place, "there is no `" + name +
                                  "`; a comparison with a missing metric is not true by itself");
  }
  if (lower == "labels") return Fail(syntax.place, "labels are read as labels.NAME");
  if (const FunctionSpec* function = FindFunction(lower)) {
    return Fail(syntax.place,
                "`" + name + "` is a function; call it, as in " + std::string(function->example));
  }
  std::vector<std::string_view> known = {"device_id", "status"};
  for (const MetricSpec& metric : metrics_) known.push_back(metric.name);
  std::string message = "unknown metric `" + name + "`";
  const std::string nearest = DidYouMean(name, known);
  if (!nearest.empty()) return Fail(syntax.place, message + nearest);
  message += "; declared are ";
  for (std::size_t i = 0; i < metrics_.size() && i < 10; ++i) {
    message += (i > 0 ? ", " : "") + metrics_[i].name;
  }
  if (metrics_.size() > 10) message += ", …";
  return Fail(syntax.place, message + "; labels are read as labels.NAME");
}

std::unique_ptr<Node> Checker::CheckOperator(const Syntax& syntax) {
  auto node = Make(syntax, Node::Kind::kOperator, ValueType::kTruth);
  node->op = syntax.op;
  bool good = true;
  for (const auto& child : syntax.children) {
    node->children.push_back(Check(*child));
    good = good && node->children.back() != nullptr;
  }
  return good && CheckOperands(*node) ? std::move(node) : nullptr;
}

bool Checker::CheckOperands(Node& node) {
  switch (node.op) {
    case Operator::kNegate:
    case Operator::kMultiply:
    case Operator::kDivide:
    case Operator::kModulo:
    case Operator::kAdd:
    case Operator::kSubtract:
      return CheckArithmetic(node);
    case Operator::kMatch:
    case Operator::kNotMatch:
      return CheckMatch(node);
    case Operator::kAnd:
    case Operator::kUnless:
    case Operator::kOr:
    case Operator::kNot:
      break;
    default:
      return CheckComparison(node);
  }
  const std::string word(FormOf(node.op).word);
  if (node.op == Operator::kNot && node.children[0]->type == ValueType::kNumber) {
    Fail(node.place,
         "`not` binds tighter than a comparison: write not (" + node.children[0]->source + " > …)");
    return false;
  }
  bool good = true;
  for (const auto& child : node.children) {
    if (!Expect(*child, ValueType::kTruth, "an operand of `" + word + "`")) good = false;
  }
  return good;
}

bool Checker::CheckArithmetic(Node& node) {
  node.type = ValueType::kNumber;
  const std::string word(FormOf(node.op).word);
  bool good = true;
  for (const auto& child : node.children) {
    if (!Expect(*child, ValueType::kNumber, "an operand of `" + word + "`")) good = false;
  }
  if (!good) return false;
  if (node.op == Operator::kMultiply || node.op == Operator::kDivide) return true;
  if (!CheckUnits(node)) return false;
  for (const auto& child : node.children) {
    if (node.unit.empty()) node.unit = child->unit;
  }
  return true;
}

bool Checker::CheckComparison(Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const std::string word(FormOf(node.op).word);
  const bool equality = node.op == Operator::kEqual || node.op == Operator::kNotEqual;
  if (left.type == ValueType::kTruth || right.type == ValueType::kTruth) {
    const Node& truth = left.type == ValueType::kTruth ? left : right;
    Fail(truth.place, "`" + word + "` cannot compare the condition `" + truth.source +
                          "`; use and, or, unless, not");
    return false;
  }
  if (left.type != right.type) {
    Fail(node.place, "`" + word + "` compares `" + left.source + "`, " +
                         std::string(TypeName(left.type)) + ", with `" + right.source + "`, " +
                         std::string(TypeName(right.type)));
    return false;
  }
  if (left.type == ValueType::kText && !equality) {
    Fail(node.place, "`" + word + "` is for numbers; texts have ==, !=, =~ and !~");
    return false;
  }
  return left.type == ValueType::kText || CheckUnits(node);
}

bool Checker::CheckMatch(Node& node) {
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  const std::string word(FormOf(node.op).word);
  if (!Expect(left, ValueType::kText, "the left side of `" + word + "`")) return false;
  if (right.kind != Node::Kind::kText) {
    Fail(right.place,
         "the pattern of `" + word + "` must be a constant text, not `" + right.source + "`");
    return false;
  }
  const RE2 pattern(right.text, RE2::Quiet);
  if (pattern.ok()) return true;
  Fail(right.place, "pattern \"" + right.text + "\" is no RE2: " + pattern.error());
  return false;
}

bool Checker::CheckUnits(Node& node) {
  if (node.children.size() < 2) return true;
  const Node& left = *node.children[0];
  const Node& right = *node.children[1];
  if (left.unit.empty() || right.unit.empty() || left.unit == right.unit) return true;
  const auto in_unit = [](const Node& operand) {
    return "`" + operand.source + "` (" + (operand.duration ? "a duration, in s" : operand.unit) +
           ")";
  };
  Fail(node.place, "`" + std::string(FormOf(node.op).word) +
                       "` between different units: " + in_unit(left) + " and " + in_unit(right));
  return false;
}

std::unique_ptr<Node> CheckSyntax(const Syntax& syntax, std::string_view text,
                                  const std::vector<Token>& tokens, ValueType wanted,
                                  const std::vector<MetricSpec>& metrics,
                                  std::vector<Diagnostic>& diagnostics) {
  Checker checker(text, tokens, metrics, diagnostics);
  std::unique_ptr<Node> node = checker.Check(syntax);
  if (node == nullptr || !checker.Expect(*node, wanted, "the expression")) return nullptr;
  return node;
}

}  // namespace tocsin
