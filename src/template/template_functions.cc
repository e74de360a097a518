#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/json_text.h"
#include "template/template_tree.h"

namespace tocsin {
namespace {

struct NamedFunction {
  std::string_view name;
  Function function;
  std::size_t least;
  std::size_t most;
};

// Go's and Alertmanager's names.
constexpr auto kFunctions = std::to_array<NamedFunction>({
    {"toUpper", Function::kToUpper, 1, 1},
    {"toLower", Function::kToLower, 1, 1},
    {"title", Function::kTitle, 1, 1},
    {"trimSpace", Function::kTrimSpace, 1, 1},
    {"safeHtml", Function::kSafeHtml, 1, 1},
    {"join", Function::kJoin, 2, 2},
    {"len", Function::kLen, 1, 1},
    {"not", Function::kNot, 1, 1},
    {"and", Function::kAnd, 2, 255},
    {"or", Function::kOr, 2, 255},
    {"eq", Function::kEq, 2, 255},
    {"ne", Function::kNe, 2, 2},
    {"lt", Function::kLt, 2, 2},
    {"le", Function::kLe, 2, 2},
    {"gt", Function::kGt, 2, 2},
    {"ge", Function::kGe, 2, 2},
});

char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}
char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string Title(std::string text) {
  bool start = true;
  for (char& c : text) {
    if (start) c = Upper(c);
    start = c == ' ';
  }
  return text;
}

std::string TrimSpace(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string Join(const TemplateValue& list, const std::string& separator) {
  if (list.kind != TemplateValue::Kind::kList) return list.ToText();
  std::string joined;
  for (const std::string& text : list.list) {
    if (&text != &list.list.front()) joined += separator;
    joined += text;
  }
  return joined;
}

// The length of a list, the code points of a text.
double Length(const TemplateValue& value) {
  if (value.kind == TemplateValue::Kind::kList) return value.number;
  return static_cast<double>(std::ranges::count_if(
      value.ToText(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// -1, 0, 1: as numbers when both are, else as text.
int Compare(const TemplateValue& a, const TemplateValue& b) {
  using Kind = TemplateValue::Kind;
  if (a.kind == Kind::kNumber && b.kind == Kind::kNumber) {
    return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  }
  const int order = a.ToText().compare(b.ToText());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool Test(Function function, const std::vector<TemplateValue>& values) {
  switch (function) {
    case Function::kNot:
      return !values[0].truth();
    case Function::kEq:
      return std::any_of(values.begin() + 1, values.end(), [&](const TemplateValue& other) {
        return Compare(values[0], other) == 0;
      });
    case Function::kNe:
      return Compare(values[0], values[1]) != 0;
    case Function::kLt:
      return Compare(values[0], values[1]) < 0;
    case Function::kLe:
      return Compare(values[0], values[1]) <= 0;
    case Function::kGt:
      return Compare(values[0], values[1]) > 0;
    default:
      return Compare(values[0], values[1]) >= 0;
  }
}

TemplateValue Call(Function function, std::vector<TemplateValue> values) {
  using Kind = TemplateValue::Kind;
  switch (function) {
    case Function::kToUpper:
    case Function::kToLower: {
      std::string text = values[0].ToText();
      std::ranges::transform(text, text.begin(), function == Function::kToUpper ? Upper : Lower);
      return {.text = text};
    }
    case Function::kTitle:
      return {.text = Title(values[0].ToText())};
    case Function::kTrimSpace:
      return {.text = TrimSpace(values[0].ToText())};
    case Function::kSafeHtml:  // values stay escaped, whatever the template's author trusts
      return std::move(values[0]);
    case Function::kJoin:
      return {.text = Join(values[1], values[0].ToText())};
    case Function::kLen:
      return {.kind = Kind::kNumber, .number = Length(values[0])};
    case Function::kAnd:
    case Function::kOr: {
      const bool wanted = function == Function::kOr;
      for (TemplateValue& value : values) {
        if (value.truth() == wanted) return std::move(value);
      }
      return std::move(values.back());
    }
    default:
      return {.kind = Kind::kBool, .number = Test(function, values) ? 1.0 : 0.0};
  }
}

}  // namespace

bool TemplateValue::truth() const {
  return kind == Kind::kText ? !text.empty() : number != 0;
}

std::string TemplateValue::ToText() const {
  std::string out;
  switch (kind) {
    case Kind::kText:
      return text;
    case Kind::kNumber:
      AppendJsonNumber(out, number);
      return out;
    case Kind::kBool:
      return number != 0 ? "true" : "false";
    case Kind::kList:
      return Join(*this, " ");
  }
  return out;
}

TemplateValue Evaluate(const Expression& expression, const TemplateScope& scope) {
  switch (expression.kind) {
    case Expression::Kind::kText:
      return {.text = expression.text};
    case Expression::Kind::kNumber:
      return {.kind = TemplateValue::Kind::kNumber, .number = expression.number};
    case Expression::Kind::kField:
      return ValueOf(expression.field, scope);
    case Expression::Kind::kCall:
      break;
  }
  std::vector<TemplateValue> values;
  for (const Expression& argument : expression.arguments) {
    values.push_back(Evaluate(argument, scope));
  }
  return Call(expression.function, std::move(values));
}

bool FindFunction(std::string_view name, Function& function) {
  const auto found = std::ranges::find(kFunctions, name, &NamedFunction::name);
  if (found == kFunctions.end()) return false;
  function = found->function;
  return true;
}

std::pair<std::size_t, std::size_t> ArityOf(Function function) {
  const auto found = std::ranges::find(kFunctions, function, &NamedFunction::function);
  return {found->least, found->most};
}

}  // namespace tocsin
