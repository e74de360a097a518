#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"
#include "rule_file/rule_definition.h"

namespace tocsin {

// The `fleet` mapping of a rule file: when a device counts as silent, and its parents.
struct FleetOptions {
  double cadences = 3;                      // `silent_after: 3x`; 0 = fixed_us
  std::int64_t fixed_us = 0;                // `silent_after: 5m`
  std::int64_t min_silent_us = 60'000'000;  // with cadences
  bool expected_only = false;  // `expected: file`: only devices with an entry are watched
  std::vector<std::string> levels = {"gateway", "site"};  // labels, from the lowest level upwards
  Severity severity = Severity::kCritical;
  Severity parent_severity = Severity::kCritical;

  // How long a device of this cadence (µs) may be quiet. 0 = not known yet: ten times min_silent,
  // so that a slow device is not taken for a silent one before its second event.
  std::int64_t SilentAfterUs(float cadence_us) const;
};

// kConfiguration with all mistakes (also in `diagnostics`); `place` is where the mapping begins.
Result<FleetOptions> ParseFleetOptions(std::string_view yaml, const std::string& path,
                                       SourcePlace place, std::vector<Diagnostic>& diagnostics);

// The rule of an alert that says that a device (level 0) or a parent (1 = the lowest) is silent:
// device_silent, gateway_silent …
std::string SilenceRuleName(const FleetOptions& options, std::size_t level);

// kConfiguration, with all in `diagnostics`, when one of the rules has such a name: the ids of
// their alerts would be the same.
Status CheckRuleNames(const FleetOptions& options, const std::vector<RuleDefinition>& rules,
                      const std::string& path, std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
