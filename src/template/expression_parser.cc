#include "template/expression_parser.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace tocsin {
namespace {

constexpr int kMaxDepth = 16;

class Parser {
 public:
  Parser(std::string_view text, const NameScope& scope) : rest_(text), scope_(scope) {}

  Result<Expression> Whole() {
    TOCSIN_ASSIGN(Expression result, Pipeline());
    if (!rest_.empty()) return Unexpected();
    return result;
  }

 private:
  void SkipSpace() {
    const std::size_t begin = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }
  std::unexpected<Error> Unexpected() const {
    return Fail(Code::kInvalidArgument, "'" + std::string(rest_.substr(0, 40)) + "' is unexpected");
  }
  bool AtOperand() const { return !rest_.empty() && rest_[0] != '|' && rest_[0] != ')'; }

  Result<Expression> Pipeline() {
    if (++depth_ > kMaxDepth) return Fail(Code::kInvalidArgument, "too many nested parentheses");
    TOCSIN_ASSIGN(Expression result, Command(nullptr));
    while (rest_.starts_with('|')) {
      rest_.remove_prefix(1);
      SkipSpace();
      TOCSIN_ASSIGN(result, Command(&result));
    }
    --depth_;
    return result;
  }

  // A function with its operands, or one operand. `piped` becomes the last operand.
  Result<Expression> Command(Expression* piped) {
    SkipSpace();
    Expression call;
    const std::string_view word = Word();
    if (!FindFunction(word, call.function)) {
      if (piped != nullptr) return UnknownFunction(word);
      TOCSIN_ASSIGN(Expression operand, Operand());
      if (AtOperand()) return UnknownFunction(word);
      return operand;
    }
    rest_.remove_prefix(word.size());
    SkipSpace();
    call.kind = Expression::Kind::kCall;
    while (AtOperand()) {
      TOCSIN_ASSIGN(Expression operand, Operand());
      call.arguments.push_back(std::move(operand));
    }
    if (piped != nullptr) call.arguments.push_back(std::move(*piped));
    const auto [least, most] = ArityOf(call.function);
    if (call.arguments.size() < least || call.arguments.size() > most) {
      return Fail(Code::kInvalidArgument, std::string(word) + " takes " +
                                              (most > least ? "at least " : "") +
                                              std::to_string(least) + " values, not " +
                                              std::to_string(call.arguments.size()));
    }
    return call;
  }

  std::unexpected<Error> UnknownFunction(std::string_view word) const {
    static constexpr auto kNames = std::to_array<std::string_view>(
        {"toUpper", "toLower", "title", "trimSpace", "join", "len", "not",
         "and",     "or",      "eq",    "ne",        "lt",   "le",  "gt",
         "ge",      "if",      "range", "template",  "else", "end"});
    std::string message = "'" + std::string(word) + "' is no function that templates have here";
    if (const auto nearest = Nearest(word, kNames); !nearest.empty()) {
      message += "; did you mean " + std::string(nearest) + "?";
    }
    return Fail(Code::kInvalidArgument, message);
  }

  std::string_view Word() const { return rest_.substr(0, rest_.find_first_of(" \t\r\n|()")); }

  Result<Expression> Operand() {
    Expression operand;
    const char first = rest_.empty() ? '\0' : rest_[0];
    if (first == '(') {
      rest_.remove_prefix(1);
      TOCSIN_ASSIGN(operand, Pipeline());
      if (!rest_.starts_with(')')) return Fail(Code::kInvalidArgument, "a '(' has no ')'");
      rest_.remove_prefix(1);
    } else if (first == '"' || first == '`') {
      TOCSIN_TRY(Quoted(operand.text));
    } else if ((first >= '0' && first <= '9') || first == '-') {
      operand.kind = Expression::Kind::kNumber;
      const char* begin = rest_.data();
      const auto [end, error] = std::from_chars(begin, begin + Word().size(), operand.number);
      if (error != std::errc() || end != begin + Word().size()) return Unexpected();
      rest_.remove_prefix(Word().size());
    } else {
      TOCSIN_TRY(Path(operand));
    }
    SkipSpace();
    return operand;
  }

  Status Path(Expression& operand) {
    std::string_view path = Word();
    const std::string_view whole = path;
    rest_.remove_prefix(whole.size());
    const bool from_root = path.starts_with('$');
    if (from_root) path.remove_prefix(1);
    if (path.starts_with('.')) path.remove_prefix(1);
    if (path.empty() || path.find_first_of("\"`{}$") != std::string_view::npos) {
      return Fail(Code::kInvalidArgument, "'" + std::string(whole) + "' is no field");
    }
    operand.kind = Expression::Kind::kField;
    TOCSIN_ASSIGN(operand.field, FindField(path, scope_, from_root));
    return {};
  }

  Status Quoted(std::string& out) {
    const char quote = rest_[0];
    std::size_t at = 1;
    for (; at < rest_.size() && rest_[at] != quote; ++at) {
      char c = rest_[at];
      if (c == '\\' && quote == '"' && at + 1 < rest_.size()) {
        c = rest_[++at];
        c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
      }
      out += c;
    }
    if (at >= rest_.size()) return Fail(Code::kInvalidArgument, "a quoted text does not end");
    rest_.remove_prefix(at + 1);
    return {};
  }

  std::string_view rest_;
  const NameScope scope_;
  int depth_ = 0;
};

}  // namespace

Result<Expression> ParseExpression(std::string_view text, const NameScope& scope) {
  return Parser(text, scope).Whole();
}

}  // namespace tocsin
