#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/metric_spec.h"

namespace tocsin {

// What a top-level member of an event is to us.
enum class FieldRole : std::uint8_t {
  kUndeclared,  // passes through untouched
  kDeviceId,
  kTimestamp,
  kStatus,
  kMetric,
  kReserved,  // `is_alert`, `reason`: ours to add, so they may not be there
};

struct Field {
  FieldRole role = FieldRole::kUndeclared;
  std::uint32_t metric = 0;  // index of the declaration when role is kMetric
};

// The names of an event's fields and what they are. Threads: any, once made.
class FieldTable {
 public:
  explicit FieldTable(const std::vector<MetricSpec>& metrics);
  // `name` is unescaped.
  Field Find(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, Field>> fields_;  // ascending by name
};

inline constexpr std::size_t kMaxDeviceIdBytes = 256;

}  // namespace tocsin
