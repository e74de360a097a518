#pragma once

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
  std::size_t metric = 0;     // index of the declaration
  enum class Compare : std::uint8_t { kAtLeast, kAtMost } compare = Compare::kAtLeast;
  double threshold = 0;
  std::string flag_column;    // name of its flag in the batch output: is_temp_alert
  std::string version;        // hash of the rule's text
};

// The rules in force, in their order. At most 64.
class RuleSet {
 public:
  // The default rules for the declared metrics: temperature_high and humidity_low.
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
