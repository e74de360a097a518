#pragma once

#include <cstdint>
#include <vector>

#include "batch/row.h"

namespace tocsin {

// The start of the hour that holds `time_us`, also before 1970.
std::int64_t HourOf(std::int64_t time_us);

// Sums up the rows of one device and hour. Null metrics are left out. Sums are compensated
// (Neumaier 1974) in extended precision, in the order of the rows: the average is the exact one
// rounded, but for freak cases, and large values do not overflow.
class HourTotals {
 public:
  explicit HourTotals(std::size_t metric_count) : metrics_(metric_count) {}

  void Start(std::uint32_t device, std::int64_t hour_us);
  bool Covers(std::uint32_t device, std::int64_t hour_us) const {
    return events_ > 0 && device == device_ && hour_us == hour_us_;
  }
  void Add(RowView row) { Add(row, row.conditions() != 0); }
  void Add(RowView row, bool is_alert);

  std::uint32_t device() const { return device_; }
  std::int64_t hour_us() const { return hour_us_; }
  std::int64_t events() const { return events_; }
  std::int64_t alerts() const { return alerts_; }
  // NaN when every value was null.
  double Average(std::size_t m) const;
  double Max(std::size_t m) const;
  double Min(std::size_t m) const;

 private:
  struct Metric {
    long double sum;
    long double lost;  // low-order parts that `sum` could not hold
    double min;
    double max;
    std::int64_t count;
  };
  std::uint32_t device_ = 0;
  std::int64_t hour_us_ = 0;
  std::int64_t events_ = 0;
  std::int64_t alerts_ = 0;
  std::vector<Metric> metrics_;
};

}  // namespace tocsin
