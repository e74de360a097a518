#pragma once

#include <map>
#include <string>
#include <vector>

#include "route/config_node.h"
#include "route/time_interval.h"

namespace tocsin {

// Reads the lists `time_intervals` and, of older files, `mute_time_intervals`:
// [{name, time_intervals: [{times, weekdays, days_of_month, months, years, location}]}].
std::map<std::string, std::vector<TimeInterval>> ReadTimeIntervals(const ConfigFields& file,
                                                                   Diagnostics& diagnostics);

}  // namespace tocsin
