#include "config/metric_declaration.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "config/setting_value.h"

namespace tocsin {
namespace {

constexpr auto kReservedNames = std::to_array<std::string_view>({"id",
                                                                 "fingerprint",
                                                                 "rule",
                                                                 "severity",
                                                                 "state",
                                                                 "device_id",
                                                                 "timestamp",
                                                                 "status",
                                                                 "reason",
                                                                 "starts_at",
                                                                 "ends_at",
                                                                 "event_count",
                                                                 "labels",
                                                                 "annotations",
                                                                 "active_at",
                                                                 "value",
                                                                 "rule_version",
                                                                 "source",
                                                                 "latency_ms",
                                                                 "is_alert",
                                                                 "is_temp_alert",
                                                                 "is_humidity_alert"});

bool IsMetricName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; };
  return !name.empty() && name.size() <= 64 && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

std::unexpected<Error> Wrong(std::string_view name, const std::string& why) {
  return Fail(Code::kConfiguration, "metric '" + std::string(name) + "': " + why);
}

}  // namespace

Status CheckMetric(const MetricSpec& metric) {
  if (!IsMetricName(metric.name)) {
    return Wrong(metric.name,
                 "the name must be 1 to 64 lower-case letters, digits and underscores and not "
                 "begin with a digit");
  }
  if (std::ranges::find(kReservedNames, metric.name) != kReservedNames.end()) {
    return Wrong(metric.name, "the name is a field of the alert or output records; choose another");
  }
  if (metric.min > metric.max) {
    return Wrong(metric.name, "min (" + NumberText(metric.min) + ") must not be above max (" +
                                  NumberText(metric.max) + ")");
  }
  return {};
}

Status CheckMetrics(const std::vector<MetricSpec>& metrics) {
  if (metrics.empty() || metrics.size() > kMaxDeclaredMetrics) {
    return Fail(Code::kConfiguration, "metrics must declare 1 to " +
                                          std::to_string(kMaxDeclaredMetrics) + " metrics, not " +
                                          std::to_string(metrics.size()));
  }
  std::set<std::string_view> names;
  for (const MetricSpec& metric : metrics) {
    TOCSIN_TRY(CheckMetric(metric));
    if (!names.insert(metric.name).second) return Wrong(metric.name, "is declared twice");
  }
  return {};
}

}  // namespace tocsin
