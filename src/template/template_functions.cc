#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>

#include "template/go_time.h"
#include "template/printf_format.h"
#include "template/template_tree.h"
#include "template/template_value.h"
#include "template/text_pattern.h"

namespace tocsin {
namespace {

// What a function takes: a scalar (a time is one by its text), a list to join, or anything.
enum class Takes : std::uint8_t { kScalars, kAnything };

struct NamedFunction {
  std::string_view name;
  Function function;
  std::size_t least;
  std::size_t most;
  Takes takes = Takes::kScalars;
};

// Go's and Alertmanager's names.
constexpr auto kFunctions = std::to_array<NamedFunction>({
    {"toUpper", Function::kToUpper, 1, 1},
    {"toLower", Function::kToLower, 1, 1},
    {"title", Function::kTitle, 1, 1},
    {"trimSpace", Function::kTrimSpace, 1, 1},
    {"safeHtml", Function::kSafe, 1, 1},
    {"safeUrl", Function::kSafe, 1, 1},
    {"join", Function::kJoin, 2, 2, Takes::kAnything},
    {"len", Function::kLen, 1, 1, Takes::kAnything},
    {"not", Function::kNot, 1, 1, Takes::kAnything},
    {"and", Function::kAnd, 2, 255, Takes::kAnything},
    {"or", Function::kOr, 2, 255, Takes::kAnything},
    {"eq", Function::kEq, 2, 255},
    {"ne", Function::kNe, 2, 2},
    {"lt", Function::kLt, 2, 2},
    {"le", Function::kLe, 2, 2},
    {"gt", Function::kGt, 2, 2},
    {"ge", Function::kGe, 2, 2},
    {"printf", Function::kPrintf, 1, 32, Takes::kAnything},
    {"print", Function::kPrint, 1, 32},
    {"match", Function::kMatch, 2, 2},
    {"reReplaceAll", Function::kReReplaceAll, 3, 3},
    {"stringSlice", Function::kStringSlice, 1, 64},
    {"index", Function::kIndex, 2, 2, Takes::kAnything},
    {"date", Function::kDate, 2, 2},
    {".Format", Function::kFormat, 2, 2},
    {".Remove", Function::kRemove, 2, 2, Takes::kAnything},
});

using Values = std::vector<TemplateValue>;

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
  const auto* texts = std::get_if<TemplateValue::Texts>(&list.data);
  if (texts == nullptr) {
    std::string joined;
    for (const auto& [key, element] : ElementsOf(list)) {
      const auto& pair = std::get<TemplateValue::Pair>(element.data);
      joined += (joined.empty() ? "" : separator) + pair.name + "=" + pair.value;
    }
    return joined;
  }
  std::string joined;
  for (const std::string& text : *texts) {
    if (&text != &texts->front()) joined += separator;
    joined += text;
  }
  return joined;
}

// Of a list its elements, of a text its code points.
double Length(const TemplateValue& value) {
  if (const auto* alerts = std::get_if<TemplateValue::Alerts>(&value.data)) {
    return static_cast<double>(alerts->indexes.size());
  }
  if (const auto* map = std::get_if<TemplateValue::Map>(&value.data)) {
    return *map == nullptr ? 0 : static_cast<double>((*map)->size());
  }
  if (const auto* texts = std::get_if<TemplateValue::Texts>(&value.data)) {
    return static_cast<double>(texts->size());
  }
  if (const auto* pairs = std::get_if<TemplateValue::Pairs>(&value.data)) {
    return static_cast<double>(pairs->size());
  }
  return static_cast<double>(std::ranges::count_if(
      value.ToText(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// -1, 0, 1: as numbers when both are, else as text.
int Compare(const TemplateValue& a, const TemplateValue& b) {
  const auto* left = std::get_if<double>(&a.data);
  const auto* right = std::get_if<double>(&b.data);
  if (left != nullptr && right != nullptr) return *left < *right ? -1 : *left > *right ? 1 : 0;
  const int order = a.ToText().compare(b.ToText());
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool Test(Function function, const Values& values) {
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

// The first value that decides, or the last. Where they are of several types the call is a scalar:
// whether it holds.
TemplateValue AndOr(const Expression& call, Values values) {
  const bool wanted = call.function == Function::kOr;
  const auto decides = [&](const TemplateValue& value) { return value.truth() == wanted; };
  const auto found = std::ranges::find_if(values, decides);
  const auto index =
      std::min<std::size_t>(static_cast<std::size_t>(found - values.begin()), values.size() - 1);
  const ValueType type = call.arguments[index].type;
  const bool as_it_is =
      type == call.type || (call.type == ValueType::kScalar && type == ValueType::kTime);
  if (!as_it_is) return {values[index].truth()};
  return std::move(values[index]);
}

std::size_t IndexOf(const TemplateValue& value) {
  const auto* number = std::get_if<double>(&value.data);
  const bool right = number != nullptr && *number >= 0 && *number < 1e9;
  return right ? static_cast<std::size_t>(*number) : static_cast<std::size_t>(-1);
}

// Beyond a list: nothing.
TemplateValue Index(const TemplateValue& value, const TemplateValue& at) {
  if (const auto* map = std::get_if<TemplateValue::Map>(&value.data)) {
    if (*map == nullptr) return {};
    const auto found = (*map)->find(at.ToText());
    return found == (*map)->end() ? TemplateValue() : TemplateValue{found->second};
  }
  const std::size_t index = IndexOf(at);
  if (const auto* alerts = std::get_if<TemplateValue::Alerts>(&value.data)) {
    const bool in = index < alerts->indexes.size();
    return {TemplateValue::Alert{in ? alerts->indexes[index] : static_cast<std::size_t>(-1)}};
  }
  const auto* texts = std::get_if<TemplateValue::Texts>(&value.data);
  if (texts == nullptr || index >= texts->size()) return {};
  return {(*texts)[index]};
}

TemplateValue Remove(const TemplateValue& value, const TemplateValue& names) {
  const auto* map = std::get_if<TemplateValue::Map>(&value.data);
  const auto* texts = std::get_if<TemplateValue::Texts>(&names.data);
  if (map == nullptr || *map == nullptr || texts == nullptr) return value;
  const std::set<std::string> gone(texts->begin(), texts->end());
  auto left = std::make_shared<LabelMap>();
  for (const auto& entry : **map) {
    if (!gone.contains(entry.first)) left->insert(entry);
  }
  return {TemplateValue::Map(std::move(left))};
}

TemplateValue FormatTime(const TemplateValue& time, const TemplateValue& layout) {
  const auto* at = std::get_if<TemplateValue::Time>(&time.data);
  return {at == nullptr ? std::string() : FormatGoTime(at->us, layout.ToText())};
}

std::string Print(const Values& values) {
  std::string text;
  for (const TemplateValue& value : values) text += value.ToText();
  return text;
}

bool IsScalar(ValueType type) {
  return type == ValueType::kScalar || type == ValueType::kTime;
}

std::unexpected<Error> Wrong(std::string_view name, std::string_view takes) {
  return Fail(Code::kInvalidArgument, std::string(name) + " takes " + std::string(takes));
}

Status CheckCount(const NamedFunction& entry, const std::vector<Expression>& arguments) {
  const bool method = entry.name.starts_with('.');
  const std::size_t count = arguments.size() - (method ? 1 : 0);
  const std::size_t least = entry.least - (method ? 1 : 0);
  if (arguments.size() >= entry.least && arguments.size() <= entry.most) return {};
  return Wrong(entry.name, (entry.most > entry.least ? "at least " : "") + std::to_string(least) +
                               (least == 1 ? " value" : " values") + ", not " +
                               std::to_string(count));
}

Result<ValueType> CheckAndOr(const std::vector<Expression>& arguments) {
  const ValueType type = arguments[0].type;
  const bool same = std::ranges::all_of(
      arguments, [type](const Expression& argument) { return argument.type == type; });
  return same ? type : ValueType::kScalar;
}

Result<ValueType> CheckIndex(const std::vector<Expression>& arguments) {
  const ValueType list = arguments[0].type;
  if (!IsScalar(arguments[1].type)) return Wrong("index", "a number or a name behind the list");
  if (list == ValueType::kAlerts) return ValueType::kAlert;
  if (list == ValueType::kMap || list == ValueType::kTexts) return ValueType::kScalar;
  return Wrong("index", "labels, alerts or a list of texts, not " + std::string(TypeName(list)));
}

Result<ValueType> CheckSpecial(Function function, const std::vector<Expression>& arguments) {
  const ValueType first = arguments[0].type;
  switch (function) {
    case Function::kAnd:
    case Function::kOr:
      return CheckAndOr(arguments);
    case Function::kIndex:
      return CheckIndex(arguments);
    case Function::kJoin: {
      const ValueType list = arguments[1].type;
      const bool right =
          list == ValueType::kTexts || list == ValueType::kPairs || list == ValueType::kMap;
      if (!right || !IsScalar(first)) return Wrong("join", "a separator and a list of texts");
      return ValueType::kScalar;
    }
    case Function::kRemove:
      if (first != ValueType::kMap || arguments[1].type != ValueType::kTexts) {
        return Wrong(".Remove", "a list of names, like (stringSlice \"site\")");
      }
      return ValueType::kMap;
    case Function::kPrintf: {
      if (arguments[0].kind != Expression::Kind::kText) {
        return Wrong("printf", "its format in quotes");
      }
      for (const Expression& argument : arguments) {
        if (argument.type == ValueType::kAlert || argument.type == ValueType::kAlerts ||
            argument.type == ValueType::kRoot) {
          return Wrong("printf", "texts, not " + std::string(TypeName(argument.type)));
        }
      }
      TOCSIN_TRY(CheckPrintf(arguments[0].text, arguments.size() - 1));
      return ValueType::kScalar;
    }
    case Function::kLen:
      if (first == ValueType::kAlert || first == ValueType::kRoot || first == ValueType::kPair) {
        return Wrong("len", "a list or a text, not " + std::string(TypeName(first)));
      }
      return ValueType::kScalar;
    default:
      return ValueType::kScalar;
  }
}

}  // namespace

TemplateValue CallFunction(const Expression& call, std::vector<TemplateValue> values) {
  switch (call.function) {
    case Function::kToUpper:
    case Function::kToLower: {
      std::string text = values[0].ToText();
      std::ranges::transform(text, text.begin(),
                             call.function == Function::kToUpper ? Upper : Lower);
      return {text};
    }
    case Function::kTitle:
      return {Title(values[0].ToText())};
    case Function::kTrimSpace:
      return {TrimSpace(values[0].ToText())};
    case Function::kSafe:  // values stay escaped, whatever the template's author trusts
      return std::move(values[0]);
    case Function::kJoin:
      return {Join(values[1], values[0].ToText())};
    case Function::kLen:
      return {Length(values[0])};
    case Function::kAnd:
    case Function::kOr:
      return AndOr(call, std::move(values));
    case Function::kPrintf:
      return {Printf(call.arguments[0].text, {values.begin() + 1, values.end()})};
    case Function::kPrint:
      return {Print(values)};
    case Function::kMatch:
      return {call.pattern->Matches(values[1].ToText())};
    case Function::kReReplaceAll:
      return {call.pattern->ReplaceAll(values[2].ToText(), values[1].ToText())};
    case Function::kStringSlice: {
      TemplateValue::Texts texts;
      for (const TemplateValue& value : values) texts.push_back(value.ToText());
      return {std::move(texts)};
    }
    case Function::kIndex:
      return Index(values[0], values[1]);
    case Function::kDate:
      return FormatTime(values[1], values[0]);
    case Function::kFormat:
      return FormatTime(values[0], values[1]);
    case Function::kRemove:
      return Remove(values[0], values[1]);
    default:
      return {Test(call.function, values)};
  }
}

bool FindFunction(std::string_view name, Function& function) {
  const auto found = std::ranges::find(kFunctions, name, &NamedFunction::name);
  if (found == kFunctions.end()) return false;
  function = found->function;
  return true;
}

std::vector<std::string_view> FunctionNames() {
  std::vector<std::string_view> names;
  for (const NamedFunction& entry : kFunctions) {
    if (!entry.name.starts_with('.')) names.push_back(entry.name);
  }
  return names;
}

Result<ValueType> CheckCall(std::string_view name, Function function,
                            const std::vector<Expression>& arguments) {
  const auto entry = std::ranges::find(kFunctions, name, &NamedFunction::name);
  TOCSIN_TRY(CheckCount(*entry, arguments));
  if (entry->takes == Takes::kAnything) return CheckSpecial(function, arguments);
  for (const Expression& argument : arguments) {
    if (IsScalar(argument.type)) continue;
    return Wrong(name, "texts and numbers, not " + std::string(TypeName(argument.type)));
  }
  const bool pattern = function == Function::kMatch || function == Function::kReReplaceAll;
  if (pattern && arguments[0].kind != Expression::Kind::kText) {
    return Wrong(name, "its pattern in quotes");
  }
  const bool time = function == Function::kDate || function == Function::kFormat;
  const Expression& at = arguments[function == Function::kDate ? 1 : 0];
  if (time && at.type != ValueType::kTime) {
    return Wrong(name, "a time such as .StartsAt, not " + std::string(TypeName(at.type)));
  }
  return function == Function::kStringSlice ? ValueType::kTexts : ValueType::kScalar;
}

}  // namespace tocsin
