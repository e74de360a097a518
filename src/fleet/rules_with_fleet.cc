#include "fleet/rules_with_fleet.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "rule_file/rule_file.h"

namespace tocsin {
namespace {

auto OrderOf(const Diagnostic& diagnostic) {
  return std::tie(diagnostic.place.line, diagnostic.place.column, diagnostic.message);
}

// What is no YAML is seen by the reader of the file and by that of the mapping.
void SortAndMerge(std::vector<Diagnostic>& diagnostics) {
  std::ranges::stable_sort(diagnostics, {}, OrderOf);
  const auto repeated = std::ranges::unique(diagnostics, {}, OrderOf);
  diagnostics.erase(repeated.begin(), repeated.end());
  if (diagnostics.size() > kMaxRuleFileDiagnostics) diagnostics.resize(kMaxRuleFileDiagnostics);
}

}  // namespace

Result<RulesWithFleet> ReadRulesWithFleet(const std::string& path,
                                          const std::vector<MetricSpec>& metrics,
                                          std::vector<Diagnostic>& diagnostics) {
  diagnostics.clear();
  TOCSIN_ASSIGN(const std::string text, ReadRuleText(path));
  RuleFile file = ScanRuleFile(text, metrics, diagnostics);
  RulesWithFleet read{.rules = std::move(file.rules), .fleet = {}, .fleet_yaml = file.fleet_yaml};
  if (!file.fleet_yaml.empty()) {
    const auto fleet = ParseFleetOptions(file.fleet_yaml, path, file.fleet_place, diagnostics);
    if (fleet) {
      static_cast<void>(CheckRuleNames(*fleet, read.rules, path, diagnostics));
      read.fleet = *fleet;
    }
  }
  if (diagnostics.empty()) return read;
  SortAndMerge(diagnostics);
  return Fail(Code::kConfiguration, FormatDiagnostics(path, diagnostics));
}

}  // namespace tocsin
