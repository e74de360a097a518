#include "expression/function_reference.h"

#include "base/json_text.h"
#include "functions/function.h"

namespace tocsin {
namespace {

std::string ParameterText(const Parameter& parameter) {
  std::string text = "`" + std::string(parameter.name) + "`: ";
  switch (parameter.kind) {
    case ParameterKind::kMetric:
      text += "a declared metric";
      break;
    case ParameterKind::kTruth:
      text += "a condition";
      break;
    case ParameterKind::kWindow:
      text += "a constant duration, above 0, at most 31d";
      break;
    case ParameterKind::kNumber:
      text += "a constant number";
      break;
    case ParameterKind::kCount:
      text += "a constant whole number, at least 1";
      break;
  }
  if (parameter.min != 0 || parameter.max != 0) {
    text += ", from ";
    AppendJsonNumber(text, parameter.min);
    text += " to ";
    AppendJsonNumber(text, parameter.max);
  }
  return text;
}

std::string ResultText(const FunctionSpec& function) {
  if (function.result == ValueType::kTruth) return "true, false or unknown";
  switch (function.unit) {
    case ResultUnit::kSame:
      return "a number in the metric's unit";
    case ResultUnit::kPerSecond:
      return "a number in the metric's unit per second";
    case ResultUnit::kNone:
      break;
  }
  return "a number without unit";
}

std::string Section(const FunctionSpec& function) {
  std::string names;
  for (const Parameter& parameter : function.parameters) {
    if (!names.empty()) names += ", ";
    names += parameter.name;
  }
  std::string text = "\n## " + std::string(function.name) + "(" + names + ")\n\n";
  text += std::string(function.summary) + " " + std::string(function.details) + "\n\n";
  for (const Parameter& parameter : function.parameters) {
    text += "- " + ParameterText(parameter) + "\n";
  }
  if (function.windowed) {
    text += "- `min_samples=N`: null below N samples; default " +
            std::to_string(function.min_samples) + "\n";
  }
  text += "- gives " + ResultText(function) + "\n";
  if (function.time_driven) text += "- may change by the clock, without an event\n";
  return text + "\n```\n" + std::string(function.example) + "\n```\n";
}

}  // namespace

std::string RuleFunctionsMarkdown() {
  std::string text =
      "# Functions of the rule language\n\n"
      "Generated from the functions' own data by `generate_docs`; a test keeps it fresh. The\n"
      "language itself: [specs/rules.md](../specs/rules.md).\n\n"
      "| function | gives |\n|---|---|\n";
  for (const FunctionSpec* function : Functions()) {
    text += "| `" + std::string(function->name) + "` | " + std::string(function->summary) + " |\n";
  }
  for (const FunctionSpec* function : Functions()) text += Section(*function);
  return text;
}

}  // namespace tocsin
