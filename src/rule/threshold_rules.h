#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "config/settings.h"
#include "model/event_batch.h"

namespace tocsin {

// A rule that compares one metric with a number. The two default rules are of this kind; a rule
// language takes its place behind RuleSet.
struct ThresholdRule {
  std::string name;
  std::string severity = "warning";
  std::size_t metric = 0;  // index of the declaration
  enum class Compare : std::uint8_t { kAtLeast, kAtMost } compare = Compare::kAtLeast;
  double threshold = 0;
  std::string flag_column;  // name of its flag in the batch output: is_temp_alert
  std::string version;      // 16 hex digits of XXH3-64 over the rule's text: `temperature >= 50`
};

// The rules in force, in their order. Immutable, so any number of threads may use it.
class RuleSet {
 public:
  static constexpr std::size_t kMaxRules = 64;  // one bit each

  RuleSet() = default;
  // At most kMaxRules; their metrics are indexes into the declaration that the batches follow.
  explicit RuleSet(std::vector<ThresholdRule> rules);

  // The default rules for the declared metrics: temperature_high (temperature >=
  // TEMP_ALERT_THRESHOLD) and humidity_low (humidity <= HUMIDITY_ALERT_THRESHOLD). A rule whose
  // metric is not declared does not exist.
  static RuleSet Defaults(const Settings& settings);

  std::size_t size() const { return rules_.size(); }
  const ThresholdRule& rule(std::size_t index) const { return rules_[index]; }

  // Sets bit r of conditions[row] where the condition of rule r holds; a null metric is not true.
  // `conditions` has batch.size() elements; rejected rows get 0.
  void Evaluate(const EventBatch& batch, std::span<std::uint64_t> conditions) const;

  // Names of the rules in `conditions`, in rule order, comma-separated.
  std::string Reason(std::uint64_t conditions) const;

 private:
  std::vector<ThresholdRule> rules_;
};

}  // namespace tocsin
