#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "rule_file/rule_definition.h"

namespace tocsin {

// Labels of devices, for `labels.site` in expressions and in alert records.
class LabelSource {
 public:
  virtual ~LabelSource() = default;
  // data() is nullptr when the device has no such label. The view lives as long as the source.
  virtual std::string_view Label(std::string_view device_id, std::string_view name) const = 0;
};

class RuleProgram;  // the compiled form, rule/program.h

// The rules in force, in their order, compiled. Immutable, so any number of threads may use it.
class RuleSet {
 public:
  static constexpr std::size_t kMaxRules = 256;

  RuleSet();
  // `rules` at most kMaxRules; `labels` may be nullptr and must outlive the set.
  RuleSet(std::vector<RuleDefinition> rules, std::vector<MetricSpec> metrics,
          const LabelSource* labels = nullptr);
  RuleSet(RuleSet&&) noexcept;
  RuleSet& operator=(RuleSet&&) noexcept;
  ~RuleSet();

  // The default rules for the declared metrics: temperature_high (temperature >=
  // TEMP_ALERT_THRESHOLD) and humidity_low (humidity <= HUMIDITY_ALERT_THRESHOLD), flag columns
  // is_temp_alert and is_humidity_alert. A rule whose metric is not declared does not exist.
  static RuleSet Defaults(const Settings& settings);
  // RULES_FILE when it is set (kConfiguration with all diagnostics), else the defaults.
  static Result<RuleSet> ForSettings(const Settings& settings, const LabelSource* labels = nullptr);

  std::size_t size() const { return rules_.size(); }
  const RuleDefinition& rule(std::size_t index) const { return rules_[index]; }
  // 64-bit words that a set of rules takes: (size + 63) / 64, at least 1.
  std::size_t words() const { return rules_.empty() ? 1 : (rules_.size() + 63) / 64; }
  bool stateful() const;     // some rule calls a function
  bool time_driven() const;  // some rule can change though no event comes
  bool time_driven(std::size_t rule) const;
  const RuleProgram& program() const { return *program_; }
  const std::vector<MetricSpec>& metrics() const { return metrics_; }

  // Names of the rules in `conditions` (words() words), in rule order, comma-separated.
  std::string Reason(std::span<const std::uint64_t> conditions) const;

 private:
  std::vector<RuleDefinition> rules_;
  std::vector<MetricSpec> metrics_;
  std::unique_ptr<const RuleProgram> program_;
};

}  // namespace tocsin
