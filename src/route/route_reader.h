#pragma once

#include <vector>

#include "route/config_node.h"
#include "route/route_config.h"

namespace tocsin {

// Reads the members `route` and `inhibit_rules` of the file. The routes inherit what they leave
// out; names of receivers and time intervals are checked against those of `config`.
Route ReadRouteTree(const ConfigFields& file, const RouteConfig& config, Diagnostics& diagnostics);
std::vector<InhibitRule> ReadInhibitRules(const ConfigFields& file, Diagnostics& diagnostics);

}  // namespace tocsin
