#include "template/template_value.h"

#include <algorithm>

#include "base/json_text.h"

namespace tocsin {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

std::string Joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (&text == &texts.front() ? "" : " ") + text;
  return out;
}

constexpr std::size_t kEach = 16;  // of an element, beside its text

}  // namespace

bool TemplateValue::truth() const {
  return std::visit(
      Overloaded{[](const std::string& text) { return !text.empty(); },
                 [](double number) { return number != 0; }, [](bool value) { return value; },
                 [](const Time& time) { return time.us != 0; },
                 [](const Texts& texts) { return !texts.empty(); },
                 [](const Map& map) { return map != nullptr && !map->empty(); },
                 [](const Pairs& pairs) { return !pairs.empty(); },
                 [](const Alerts& alerts) { return !alerts.indexes.empty(); },
                 [](const Pair&) { return true; }, [](const Alert&) { return true; },
                 [](const Root&) { return true; }},
      data);
}

std::string TemplateValue::ToText() const {
  return std::visit(Overloaded{[](const std::string& text) { return text; },
                               [](double number) {
                                 std::string out;
                                 AppendJsonNumber(out, number);
                                 return out;
                               },
                               [](bool value) { return std::string(value ? "true" : "false"); },
                               [](const Time& time) { return TimeText(time.us); },
                               [](const Texts& texts) { return Joined(texts); },
                               [](const Map& map) {
                                 std::vector<std::string> texts;
                                 if (map == nullptr) return std::string();
                                 for (const auto& [name, value] : *map)
                                   texts.push_back(name + "=" + value);
                                 return Joined(texts);
                               },
                               [](const Pairs& pairs) {
                                 std::vector<std::string> texts;
                                 for (const Pair& pair : pairs)
                                   texts.push_back(pair.name + "=" + pair.value);
                                 return Joined(texts);
                               },
                               [](const Pair& pair) { return pair.value; },
                               [](const auto&) { return std::string(); }},
                    data);
}

std::size_t TemplateValue::size() const {
  return std::visit(
      Overloaded{[](const std::string& text) { return text.size(); },
                 [](const Texts& texts) {
                   std::size_t size = 0;
                   for (const std::string& text : texts) size += text.size() + kEach;
                   return size;
                 },
                 [](const Map& map) { return map == nullptr ? 0 : map->size() * kEach; },
                 [](const Pairs& pairs) {
                   std::size_t size = 0;
                   for (const Pair& pair : pairs)
                     size += pair.name.size() + pair.value.size() + kEach;
                   return size;
                 },
                 [](const Pair& pair) { return pair.name.size() + pair.value.size(); },
                 [](const Alerts& alerts) { return alerts.indexes.size() * 4 * kEach; },
                 [](const auto&) { return std::size_t{0}; }},
      data);
}

TemplateValue Evaluate(const Expression& expression, const TemplateFrame& frame, TemplateRun& run) {
  if (!run.Charge(kEach)) return {};
  TemplateValue value;
  switch (expression.kind) {
    case Expression::Kind::kText:
      value.data = expression.text;
      break;
    case Expression::Kind::kNumber:
      value.data = expression.number;
      break;
    case Expression::Kind::kBool:
      value.data = expression.number != 0;
      break;
    case Expression::Kind::kDot:
      value = frame.dots[expression.index];
      break;
    case Expression::Kind::kVariable:
      value = frame.variables[expression.index];
      break;
    case Expression::Kind::kMember:
      value = MemberOf(Evaluate(expression.arguments[0], frame, run), expression.field,
                       expression.text, run);
      break;
    case Expression::Kind::kPath:  // is resolved
      break;
    case Expression::Kind::kCall: {
      std::vector<TemplateValue> values;
      for (const Expression& argument : expression.arguments) {
        values.push_back(Evaluate(argument, frame, run));
      }
      if (run.work_left > 0) value = CallFunction(expression, std::move(values));
      break;
    }
  }
  return run.Charge(value.size()) ? value : TemplateValue();
}

std::vector<std::pair<TemplateValue, TemplateValue>> ElementsOf(const TemplateValue& list) {
  std::vector<std::pair<TemplateValue, TemplateValue>> elements;
  const auto add = [&elements](auto value) {
    const auto number = static_cast<double>(elements.size());
    elements.emplace_back(TemplateValue{number}, TemplateValue{std::move(value)});
  };
  std::visit(Overloaded{[&](const TemplateValue::Texts& texts) {
                          for (const std::string& text : texts) add(text);
                        },
                        [&](const TemplateValue::Map& map) {
                          if (map == nullptr) return;
                          for (const auto& [name, value] : *map) {
                            elements.emplace_back(TemplateValue{name},
                                                  TemplateValue{TemplateValue::Pair{name, value}});
                          }
                        },
                        [&](const TemplateValue::Pairs& pairs) {
                          for (const TemplateValue::Pair& pair : pairs) add(pair);
                        },
                        [&](const TemplateValue::Alerts& alerts) {
                          for (const std::size_t index : alerts.indexes) {
                            add(TemplateValue::Alert{index});
                          }
                        },
                        [](const auto&) {}},
             list.data);
  return elements;
}

}  // namespace tocsin
