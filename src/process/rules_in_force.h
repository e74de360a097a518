#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "config/settings.h"
#include "fleet/fleet_directory.h"
#include "fleet/fleet_options.h"
#include "rule/rule_set.h"

namespace tocsin {

// What the stream processor judges by: the rules, the fleet's labels that they name and when a
// device counts as silent. Immutable.
struct RulesInForce {
  std::shared_ptr<const FleetDirectory> directory;
  RuleSet rules;
  std::optional<FleetOptions> fleet;
  std::string fleet_version;  // as the version of a rule

  // RULES_FILE and FLEET_FILE, or the default rules. kConfiguration with all mistakes of both.
  static Result<std::shared_ptr<const RulesInForce>> Load(const Settings& settings);
};

}  // namespace tocsin
