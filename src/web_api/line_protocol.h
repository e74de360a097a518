#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "model/metric_spec.h"

namespace tocsin {

// One point of InfluxDB's line protocol as an event of ours, appended to `out` as one JSON object:
//
//   measurement,tag=text field=1.5,other="text" 1732356930123456000
//
// device_id is the first of the tags device_id, device, host, sensor, id that is there, else the
// measurement. Fields and the other tags become members; the field `value` of a measurement that is
// a declared metric becomes that metric. `unit_ns`: what one of the timestamp's units is; without a
// timestamp the time is `now_us`.
//
// kInvalidArgument saying what is wrong at which byte; `out` is as it was then. The line is one
// without its end, neither blank nor a comment (`#`).
Status ConvertLine(std::string_view line, std::int64_t unit_ns, std::int64_t now_us,
                   std::span<const MetricSpec> metrics, std::string& out);

}  // namespace tocsin
