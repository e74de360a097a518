#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "expression/diagnostic.h"
#include "fleet/fleet_options.h"
#include "rule_file/rule_definition.h"

namespace tocsin {

// A rule file with its `fleet` mapping.
struct RulesWithFleet {
  std::vector<RuleDefinition> rules;  // in file order
  std::optional<FleetOptions> fleet;
  std::string fleet_yaml;  // its text, "" when absent
};

// Reads both. On any mistake every one of both (of the first hundred), in order of place, is in
// `diagnostics` and the error (kConfiguration) carries them. A file that cannot be read:
// kConfiguration naming it, and no diagnostics.
Result<RulesWithFleet> ReadRulesWithFleet(const std::string& path,
                                          const std::vector<MetricSpec>& metrics,
                                          std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
