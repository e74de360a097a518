#include "rule/rule_set.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <utility>

#include "base/json_text.h"
#include "rule/program.h"
#include "rule_file/rule_file.h"

namespace tocsin {
namespace {

struct DefaultRule {
  std::string_view name;
  std::string_view metric;
  std::string_view comparison;
  double Settings::* threshold;
  std::string_view flag_column;
};

constexpr DefaultRule kDefaults[] = {
    {"temperature_high", "temperature", " >= ", &Settings::temp_alert_threshold, "is_temp_alert"},
    {"humidity_low", "humidity", " <= ", &Settings::humidity_alert_threshold, "is_humidity_alert"},
};

std::string VersionOf(std::string_view text) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return std::string(digits.data(), 16);
}

}  // namespace

RuleSet::RuleSet() : RuleSet({}, {}) {}

RuleSet::RuleSet(std::vector<RuleDefinition> rules, std::vector<MetricSpec> metrics,
                 const LabelSource* labels)
    : rules_(std::move(rules)),
      metrics_(std::move(metrics)),
      program_(std::make_unique<const RuleProgram>(rules_, metrics_, labels)) {}

RuleSet::RuleSet(RuleSet&&) noexcept = default;
RuleSet& RuleSet::operator=(RuleSet&&) noexcept = default;
RuleSet::~RuleSet() = default;

RuleSet RuleSet::Defaults(const Settings& settings) {
  std::vector<RuleDefinition> rules;
  for (const DefaultRule& wanted : kDefaults) {
    std::string text(wanted.metric);
    text += wanted.comparison;
    AppendJsonNumber(text, settings.*wanted.threshold);
    std::vector<Diagnostic> diagnostics;
    auto condition =
        ParseExpression(text, SourcePlace(), ValueType::kTruth, settings.metrics, diagnostics);
    if (condition == nullptr) continue;  // the metric is not declared
    RuleDefinition rule;
    rule.group = "default";
    rule.name = wanted.name;
    rule.version = VersionOf(text);
    rule.flag_column = wanted.flag_column;
    rule.levels.push_back({Severity::kWarning, std::move(condition)});
    rules.push_back(std::move(rule));
  }
  return RuleSet(std::move(rules), settings.metrics);
}

Result<RuleSet> RuleSet::ForSettings(const Settings& settings, const LabelSource* labels) {
  if (settings.rules_file.empty()) return Defaults(settings);
  std::vector<Diagnostic> diagnostics;
  TOCSIN_ASSIGN(RuleFile file, ReadRuleFile(settings.rules_file, settings.metrics, diagnostics));
  return RuleSet(std::move(file.rules), settings.metrics, labels);
}

bool RuleSet::stateful() const {
  return std::ranges::any_of(program_->rules(), &ProgramRule::stateful);
}

bool RuleSet::time_driven() const {
  return std::ranges::any_of(program_->rules(), &ProgramRule::time_driven);
}

bool RuleSet::time_driven(std::size_t rule) const {
  return program_->rule(rule).time_driven;
}

std::string RuleSet::Reason(std::span<const std::uint64_t> conditions) const {
  std::string names;
  for (std::size_t word = 0; word < conditions.size(); ++word) {
    for (std::uint64_t left = conditions[word]; left != 0; left &= left - 1) {
      if (!names.empty()) names += ',';
      names += rules_[word * 64 + static_cast<std::size_t>(std::countr_zero(left))].name;
    }
  }
  return names;
}

}  // namespace tocsin
