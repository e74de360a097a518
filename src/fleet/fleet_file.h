#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "expression/diagnostic.h"
#include "fleet/fleet_directory.h"

namespace tocsin {

// One entry of FLEET_FILE.
struct FleetEntry {
  bool pattern = false;  // `match` instead of `id`
  std::string text;      // the id or the pattern
  DeviceLabels labels;
  SourcePlace place;
};

// The text of the file: at most 64 MiB. kConfiguration naming the file when it cannot be read.
Result<std::string> ReadFleetFile(const std::string& path);

// The two shapes (fleet_directory.h). All mistakes go to `diagnostics`. YAML is limited to some
// tens of thousands of devices (yaml_tree.h); CSV (RFC 4180) is not.
std::vector<FleetEntry> ParseFleetYaml(std::string_view text, std::vector<Diagnostic>& diagnostics);
std::vector<FleetEntry> ParseFleetCsv(std::string_view text, std::vector<Diagnostic>& diagnostics);

}  // namespace tocsin
