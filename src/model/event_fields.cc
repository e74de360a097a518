#include "model/event_fields.h"

#include <algorithm>

namespace tocsin {
namespace {

bool NameLess(const std::pair<std::string, Field>& entry, std::string_view name) {
  return entry.first < name;
}

}  // namespace

FieldTable::FieldTable(const std::vector<MetricSpec>& metrics) {
  fields_ = {{"device_id", {.role = FieldRole::kDeviceId}},
             {"timestamp", {.role = FieldRole::kTimestamp}},
             {"status", {.role = FieldRole::kStatus}},
             {"is_alert", {.role = FieldRole::kReserved}},
             {"reason", {.role = FieldRole::kReserved}}};
  for (std::uint32_t i = 0; i < metrics.size(); ++i) {
    fields_.push_back({metrics[i].name, {.role = FieldRole::kMetric, .metric = i}});
  }
  std::ranges::sort(fields_, {}, [](const auto& entry) -> std::string_view { return entry.first; });
}

Field FieldTable::Find(std::string_view name) const {
  const auto found = std::lower_bound(fields_.begin(), fields_.end(), name, NameLess);
  return found != fields_.end() && found->first == name ? found->second : Field{};
}

}  // namespace tocsin
