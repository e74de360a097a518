#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/event_batch.h"
#include "rule/naive_rules.h"
#include "rule/rule_set.h"

// Rules and events for the tests of this folder.
namespace tocsin {

// Temperature, humidity and an optional `light`, without units: any may be compared with any.
inline std::vector<MetricSpec> ThreeMetrics(bool required = false) {
  std::vector<MetricSpec> metrics = DefaultMetrics();
  for (MetricSpec& metric : metrics) {
    metric.unit = "";
    metric.required = required;
  }
  metrics.push_back({.name = "light", .unit = "", .min = -1e9, .max = 1e9, .required = false});
  return metrics;
}

struct RuleSource {
  std::vector<std::string> levels;
  std::string clear = "";
};

// `mistakes` gets what the parser says; a rule with one is left out.
inline RuleSet RulesOf(const std::vector<RuleSource>& texts, const LabelSource* labels,
                       std::string& mistakes,
                       const std::vector<MetricSpec>& metrics = ThreeMetrics()) {
  std::vector<Diagnostic> diagnostics;
  const auto parse = [&](const std::string& text) {
    return ParseExpression(text, SourcePlace{1, 1}, ValueType::kTruth, metrics, diagnostics);
  };
  std::vector<RuleDefinition> rules;
  for (const RuleSource& text : texts) {
    RuleDefinition rule;
    rule.name = "rule_" + std::to_string(rules.size());
    auto severity = static_cast<std::uint8_t>(4 - text.levels.size());
    for (const std::string& level : text.levels) {
      rule.levels.push_back({static_cast<Severity>(severity++), parse(level)});
    }
    if (!text.clear.empty()) rule.clear = parse(text.clear);
    if (diagnostics.empty()) rules.push_back(std::move(rule));
    mistakes += FormatDiagnostics(text.levels[0], diagnostics);
    diagnostics.clear();
  }
  return RuleSet(std::move(rules), metrics, labels);
}

class FakeLabels : public LabelSource {
 public:
  std::string_view Label(std::string_view device_id, std::string_view name) const override {
    ++asked;
    const auto found = labels.find({std::string(device_id), std::string(name)});
    return found == labels.end() ? std::string_view() : found->second;
  }
  std::map<std::pair<std::string, std::string>, std::string> labels;
  mutable int asked = 0;
};

// Events as a batch with its accepted rows, and rejected rows between them where wanted. The
// events must outlive it.
struct EventTable {
  explicit EventTable(std::span<const NaiveEvent> events, bool with_rejected = false) {
    for (const NaiveEvent& event : events) {
      if (with_rejected && batch.size() % 3 == 1) {
        batch.AddRejected("", RejectReason::kInvalidJson, "no object");
      }
      std::vector<double> values;
      for (const auto& value : event.metrics) values.push_back(value.value_or(EventBatch::kNull));
      batch_rows.push_back(static_cast<std::uint32_t>(batch.size()));
      batch.AddGood("", {0, 0}, event.device_id, event.t_us,
                    event.status ? std::string_view(*event.status) : std::string_view(),
                    values.data());
      device.push_back(event.device);
      time_us.push_back(event.t_us);
      in_order.push_back(event.in_order ? 1 : 0);
    }
  }
  EventRows rows() const { return {device, time_us, in_order}; }

  EventBatch batch{3};
  std::vector<std::uint32_t> batch_rows;
  std::vector<std::uint32_t> device;
  std::vector<std::int64_t> time_us;
  std::vector<std::uint8_t> in_order;
};

}  // namespace tocsin
