#include "rule/threshold_rules.h"

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/json_text.h"

namespace tocsin {
namespace {

std::string RuleVersion(std::string_view text) {
  std::array<char, 17> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return std::string(digits.data(), 16);
}

struct DefaultRule {
  std::string_view name;
  std::string_view metric;
  ThresholdRule::Compare compare;
  double Settings::* threshold;
  std::string_view flag_column;
};

constexpr DefaultRule kDefaults[] = {
    {"temperature_high", "temperature", ThresholdRule::Compare::kAtLeast,
     &Settings::temp_alert_threshold, "is_temp_alert"},
    {"humidity_low", "humidity", ThresholdRule::Compare::kAtMost,
     &Settings::humidity_alert_threshold, "is_humidity_alert"},
};

// The loops below are free of branches, so that the compiler makes them vector code. A null is
// NaN, for which every comparison is false.
void SetWhereAtLeast(const double* values, double threshold, unsigned bit,
                     std::span<std::uint64_t> conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    conditions[i] |= static_cast<std::uint64_t>(values[i] >= threshold) << bit;
  }
}

void SetWhereAtMost(const double* values, double threshold, unsigned bit,
                    std::span<std::uint64_t> conditions) {
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    conditions[i] |= static_cast<std::uint64_t>(values[i] <= threshold) << bit;
  }
}

}  // namespace

RuleSet::RuleSet(std::vector<ThresholdRule> rules) : rules_(std::move(rules)) {}

RuleSet RuleSet::Defaults(const Settings& settings) {
  std::vector<ThresholdRule> rules;
  for (const DefaultRule& wanted : kDefaults) {
    const auto metric = std::ranges::find(settings.metrics, wanted.metric, &MetricSpec::name);
    if (metric == settings.metrics.end()) continue;
    ThresholdRule rule;
    rule.name = wanted.name;
    rule.metric = static_cast<std::size_t>(metric - settings.metrics.begin());
    rule.compare = wanted.compare;
    rule.threshold = settings.*wanted.threshold;
    rule.flag_column = wanted.flag_column;
    std::string text = metric->name;
    text += wanted.compare == ThresholdRule::Compare::kAtLeast ? " >= " : " <= ";
    AppendJsonNumber(text, rule.threshold);
    rule.version = RuleVersion(text);
    rules.push_back(std::move(rule));
  }
  return RuleSet(std::move(rules));
}

void RuleSet::Evaluate(const EventBatch& batch, std::span<std::uint64_t> conditions) const {
  std::ranges::fill(conditions, 0);
  for (unsigned r = 0; r < rules_.size(); ++r) {
    const ThresholdRule& rule = rules_[r];
    const double* values = batch.metrics[rule.metric].data();
    if (rule.compare == ThresholdRule::Compare::kAtLeast) {
      SetWhereAtLeast(values, rule.threshold, r, conditions);
    } else {
      SetWhereAtMost(values, rule.threshold, r, conditions);
    }
  }
  const RejectReason* reject = batch.reject.data();
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    conditions[i] &= -static_cast<std::uint64_t>(reject[i] == RejectReason::kNone);
  }
}

std::string RuleSet::Reason(std::uint64_t conditions) const {
  std::string names;
  for (; conditions != 0; conditions &= conditions - 1) {
    if (!names.empty()) names += ',';
    names += rules_[static_cast<std::size_t>(std::countr_zero(conditions))].name;
  }
  return names;
}

}  // namespace tocsin
