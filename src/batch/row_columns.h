#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tocsin {

// Rows as columns, in the order in which they came.
struct RowColumns {
  explicit RowColumns(std::size_t metric_count) : metrics(metric_count) {}
  std::size_t size() const { return time_us.size(); }
  // What the new rows hold is unspecified. Cheapest when the size hardly changes.
  void Resize(std::size_t rows) {
    device.resize(rows);
    time_us.resize(rows);
    status.resize(rows);
    for (auto& column : metrics) column.resize(rows);
  }

  std::vector<std::uint32_t> device;         // codes
  std::vector<std::int64_t> time_us;         // since 1970, UTC
  std::vector<std::uint32_t> status;         // codes, DeviceDictionary::kUnknown when absent
  std::vector<std::vector<double>> metrics;  // NaN = null
};

}  // namespace tocsin
