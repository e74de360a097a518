#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/metric_spec.h"

namespace tocsin {

inline constexpr std::size_t kMaxDeclaredMetrics = 1000;

// Checks one declaration: the name is [a-z_][a-z0-9_]*, at most 64 characters, and no field name
// of the alert record or of the batch outputs; min <= max. kConfiguration naming the metric.
Status CheckMetric(const MetricSpec& metric);

// Checks every declaration and that there are 1 to kMaxDeclaredMetrics, no two of one name.
Status CheckMetrics(const std::vector<MetricSpec>& metrics);

}  // namespace tocsin
