#include "process/rules_in_force.h"

#include <utility>
#include <vector>

#include "model/alert_record.h"
#include "rule_file/rule_file.h"

namespace tocsin {

Result<std::shared_ptr<const RulesInForce>> RulesInForce::Load(const Settings& settings) {
  auto loaded = std::make_shared<RulesInForce>();
  TOCSIN_ASSIGN(std::unique_ptr<FleetDirectory> directory,
                FleetDirectory::Open(settings.fleet_file));
  loaded->directory = std::move(directory);
  if (settings.rules_file.empty()) {
    loaded->rules = RuleSet::Defaults(settings);
    return loaded;
  }
  std::vector<Diagnostic> diagnostics;
  TOCSIN_ASSIGN(RuleFile file, ReadRuleFile(settings.rules_file, settings.metrics, diagnostics));
  if (!file.fleet_yaml.empty()) {
    TOCSIN_ASSIGN(loaded->fleet, ParseFleetOptions(file.fleet_yaml, settings.rules_file,
                                                   file.fleet_place, diagnostics));
    TOCSIN_TRY(CheckRuleNames(*loaded->fleet, file.rules, settings.rules_file, diagnostics));
    loaded->fleet_version = AlertFingerprint("fleet", file.fleet_yaml);
  }
  loaded->rules = RuleSet(std::move(file.rules), settings.metrics, loaded->directory.get());
  return loaded;
}

}  // namespace tocsin
