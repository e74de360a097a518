#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_text.h"
#include "config/units.h"
#include "expression/checker.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLongestWindowUs = 31LL * 86'400'000'000;
constexpr double kMostMinSamples = 1'000'000;

std::string NumberText(double number) {
  std::string text;
  AppendJsonNumber(text, number);
  return text;
}

// "avg(metric, window)"
std::string Signature(const FunctionSpec& function) {
  std::string text(function.name);
  text += '(';
  for (const Parameter& parameter : function.parameters) {
    if (text.back() != '(') text += ", ";
    text += parameter.name;
  }
  return text + ')';
}

std::string BoundsText(const Parameter& parameter) {
  if (parameter.min == 0 && parameter.max == 0) return "";
  return " from " + NumberText(parameter.min) + " to " + NumberText(parameter.max);
}

}  // namespace

const FunctionSpec* Checker::FindCalled(const Syntax& syntax) {
  static constexpr auto kOtherNames =
      std::to_array<std::array<std::string_view, 2>>({{"mean", "avg"},
                                                      {"average", "avg"},
                                                      {"percentile", "quantile"},
                                                      {"deriv", "derivative"},
                                                      {"std", "stddev"},
                                                      {"increase", "delta"},
                                                      {"previous", "lag"}});
  if (const FunctionSpec* function = FindFunction(syntax.text)) return function;
  std::string lower = LowerCase(syntax.text);
  std::string hint;
  if (lower.ends_with("_over_time")) lower.resize(lower.size() - 10);
  for (const auto& [other, ours] : kOtherNames) {
    if (lower == other) lower = ours;
  }
  std::vector<std::string_view> names;
  for (const FunctionSpec* function : Functions()) names.push_back(function->name);
  if (std::ranges::find(metrics_, lower, &MetricSpec::name) != metrics_.end()) {
    hint = "; `" + lower + "` is a metric and takes no arguments";
  } else {
    hint = DidYouMean(lower, names);
  }
  return Fail(syntax.place, "unknown function `" + syntax.text + "`" + hint);
}

bool Checker::CheckArity(const Syntax& syntax, const FunctionSpec& function, std::size_t given) {
  const std::size_t wanted = function.parameters.size();
  if (given == wanted) return true;
  Fail(syntax.place, Signature(function) + " takes " + std::to_string(wanted) +
                         (wanted == 1 ? " argument" : " arguments") + ", not " +
                         std::to_string(given) + "; for example " + std::string(function.example));
  return false;
}

std::unique_ptr<Node> Checker::CheckCall(const Syntax& syntax) {
  const FunctionSpec* function = FindCalled(syntax);
  if (function == nullptr) return nullptr;
  auto call = Make(syntax, Node::Kind::kCall, function->result);
  call->function = function;
  call->call.min_samples = function->min_samples;
  bool good = true;
  std::size_t positional = 0;
  for (std::size_t i = 0; i < syntax.children.size(); ++i) {
    const Syntax& argument = *syntax.children[i];
    if (argument.kind != Syntax::Kind::kNamed) {
      if (positional < function->parameters.size() &&
          !CheckArgument(argument, function->parameters[positional], *call)) {
        good = false;
      }
      ++positional;
    } else if (i + 1 != syntax.children.size()) {
      good = false;
      Fail(argument.place, "`" + argument.text + "=` must be the last argument, and once");
    } else if (!CheckNamedArgument(argument, *call)) {
      good = false;
    }
  }
  if (!CheckArity(syntax, *function, positional)) good = false;
  return good ? std::move(call) : nullptr;
}

bool Checker::CheckArgument(const Syntax& argument, const Parameter& parameter, Node& call) {
  switch (parameter.kind) {
    case ParameterKind::kMetric:
      return CheckMetricArgument(argument, parameter, call);
    case ParameterKind::kTruth: {
      std::unique_ptr<Node> condition = Check(argument);
      if (condition == nullptr) return false;
      if (!Expect(*condition, ValueType::kTruth,
                  "argument `" + std::string(parameter.name) + "` of " +
                      std::string(call.function->name))) {
        return false;
      }
      call.children.push_back(std::move(condition));
      return true;
    }
    case ParameterKind::kWindow:
      return CheckWindow(argument, parameter, call);
    case ParameterKind::kNumber:
    case ParameterKind::kCount:
      return CheckConstant(argument, parameter, call);
  }
  return false;
}

bool Checker::CheckMetricArgument(const Syntax& argument, const Parameter& parameter, Node& call) {
  const std::string what =
      "argument `" + std::string(parameter.name) + "` of " + std::string(call.function->name);
  if (argument.kind != Syntax::Kind::kName) {
    Fail(argument.place, what + " must be the name of a metric, not `" + SourceOf(argument) + "`");
    return false;
  }
  std::unique_ptr<Node> metric = Check(argument);
  if (metric == nullptr) return false;
  if (metric->kind != Node::Kind::kMetric) {
    Fail(argument.place, what + " must be a metric; `" + metric->source + "` is a text");
    return false;
  }
  if (call.function->unit != ResultUnit::kNone) call.unit = metric->unit;
  if (call.function->unit == ResultUnit::kPerSecond && !call.unit.empty()) call.unit += "/s";
  call.children.push_back(std::move(metric));
  return true;
}

bool Checker::CheckWindow(const Syntax& argument, const Parameter& parameter, Node& call) {
  const std::string what =
      "argument `" + std::string(parameter.name) + "` of " + std::string(call.function->name);
  if (argument.kind == Syntax::Kind::kNumber) {
    Fail(argument.place,
         what + " needs a unit: " + SourceOf(argument) + "s, " + SourceOf(argument) + "m or so");
    return false;
  }
  if (argument.kind != Syntax::Kind::kDuration) {
    Fail(argument.place,
         what + " must be a constant duration such as 5m, not `" + SourceOf(argument) + "`");
    return false;
  }
  if (argument.duration_us <= 0 || argument.duration_us > kLongestWindowUs) {
    Fail(argument.place, what + " must be above 0 and at most 31d, not " + SourceOf(argument));
    return false;
  }
  call.call.window_us = argument.duration_us;
  return true;
}

bool Checker::CheckConstant(const Syntax& argument, const Parameter& parameter, Node& call) {
  const bool count = parameter.kind == ParameterKind::kCount;
  const std::string what = "argument `" + std::string(parameter.name) + "` of " +
                           std::string(call.function->name) + " must be a constant " +
                           (count ? "whole number" : "number") + BoundsText(parameter);
  const double number = argument.number;
  const bool bounded = parameter.min != 0 || parameter.max != 0;
  const bool in_range = !bounded || (number >= parameter.min && number <= parameter.max);
  const bool whole = !count || (number >= 1 && number == std::floor(number));
  if (argument.kind == Syntax::Kind::kNumber && in_range && whole) {
    call.call.number = number;
    return true;
  }
  Fail(argument.place, what + ", not `" + SourceOf(argument) + "`");
  return false;
}

bool Checker::CheckNamedArgument(const Syntax& argument, Node& call) {
  const std::string name(call.function->name);
  if (argument.text != "min_samples") {
    Fail(argument.place,
         "unknown argument `" + argument.text + "=`" + DidYouMean(argument.text, {"min_samples"}));
    return false;
  }
  if (!call.function->windowed) {
    Fail(argument.place, name + " has no window, so it takes no min_samples");
    return false;
  }
  const Syntax& value = *argument.children[0];
  const bool good = value.kind == Syntax::Kind::kNumber && value.number >= 1 &&
                    value.number <= kMostMinSamples && value.number == std::floor(value.number);
  if (!good) {
    Fail(value.place, "min_samples must be a constant whole number from 1 to 1000000, not `" +
                          SourceOf(value) + "`");
    return false;
  }
  call.call.min_samples = static_cast<std::uint32_t>(value.number);
  return true;
}

}  // namespace tocsin
