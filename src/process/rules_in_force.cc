#include "process/rules_in_force.h"

#include <utility>
#include <vector>

#include "base/error_list.h"
#include "fleet/rules_with_fleet.h"
#include "model/alert_record.h"

namespace tocsin {

Result<std::shared_ptr<const RulesInForce>> RulesInForce::Load(const Settings& settings) {
  auto loaded = std::make_shared<RulesInForce>();
  ErrorList errors;
  auto directory = FleetDirectory::Open(settings.fleet_file);
  errors.Check(directory);
  if (directory) loaded->directory = std::move(*directory);
  if (settings.rules_file.empty()) {
    TOCSIN_TRY(errors.Finish());
    loaded->rules = RuleSet::Defaults(settings);
    return loaded;
  }
  std::vector<Diagnostic> diagnostics;
  auto read = ReadRulesWithFleet(settings.rules_file, settings.metrics, diagnostics);
  errors.Check(read);
  TOCSIN_TRY(errors.Finish());
  loaded->fleet = std::move(read->fleet);
  if (loaded->fleet) loaded->fleet_version = AlertFingerprint("fleet", read->fleet_yaml);
  loaded->rules = RuleSet(std::move(read->rules), settings.metrics, loaded->directory.get());
  return loaded;
}

}  // namespace tocsin
