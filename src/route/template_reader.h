#pragma once

#include <string>

#include "route/config_node.h"
#include "route/route_config.h"

namespace tocsin {

// Reads the files that `templates:` names: at most 100, 1 MiB each and 4 MiB together. A name or
// glob that matches nothing is a warning, as Alertmanager passes it over.
void ReadTemplates(const ConfigFields& file, const std::string& folder, RouteConfig& config,
                   Diagnostics& diagnostics);

}  // namespace tocsin
