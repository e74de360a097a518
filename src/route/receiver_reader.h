#pragma once

#include <string>
#include <vector>

#include "route/config_node.h"
#include "route/route_config.h"

namespace tocsin {

// Reads `global` and `receivers` of the file into config.receivers and config.warnings. Options of
// channels are flattened and completed from `global`; their meaning is checked by the channels.
// `folder` is that of the file.
void ReadReceivers(const ConfigFields& file, const std::string& folder, RouteConfig& config,
                   Diagnostics& diagnostics);

}  // namespace tocsin
