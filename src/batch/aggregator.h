#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "batch/row.h"

namespace tocsin {

inline constexpr std::int64_t kHourUs = 3'600'000'000;

// The start of the hour that holds `time_us`, also before 1970.
std::int64_t HourOf(std::int64_t time_us);

// Sums up the values of one metric; null is left out. The sum is compensated (each addition's error
// is exact, Knuth 1969, and is summed up apart) and huge values are summed up in extended
// precision, so that the average is the exact one rounded, but for freak cases, and no sum
// overflows. The same values in the same order give the same bits.
class MetricTotals {
 public:
  void Add(double value) {
    if (std::isnan(value)) return;
    ++count_;
    min_ = value < min_ ? value : min_;
    max_ = value > max_ ? value : max_;
    if (std::fabs(value) >= kHuge) {
      huge_ += value;
      return;
    }
    const double sum = sum_ + value;
    const double added = sum - sum_;
    lost_ += (sum_ - (sum - added)) + (value - added);
    sum_ = sum;
  }
  // NaN when every value was null.
  double Average() const {
    if (count_ == 0) return kNone;
    const long double sum = static_cast<long double>(sum_) + lost_ + huge_;
    return static_cast<double>(sum / static_cast<long double>(count_));
  }
  double Max() const { return count_ == 0 ? kNone : max_; }
  double Min() const { return count_ == 0 ? kNone : min_; }

 private:
  // 2^63 values below it have a sum that is finite.
  static constexpr double kHuge = 0x1p960;
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  double sum_ = 0;
  double lost_ = 0;  // low-order parts that sum_ could not hold
  double min_ = kInfinity;
  double max_ = -kInfinity;
  std::int64_t count_ = 0;
  long double huge_ = 0;
};

// The totals of one device and hour, row by row.
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
  double Average(std::size_t m) const { return metrics_[m].Average(); }
  double Max(std::size_t m) const { return metrics_[m].Max(); }
  double Min(std::size_t m) const { return metrics_[m].Min(); }

 private:
  std::uint32_t device_ = 0;
  std::int64_t hour_us_ = 0;
  std::int64_t events_ = 0;
  std::int64_t alerts_ = 0;
  std::vector<MetricTotals> metrics_;
};

}  // namespace tocsin
