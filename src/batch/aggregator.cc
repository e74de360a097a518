#include "batch/aggregator.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tocsin {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

}  // namespace

std::int64_t HourOf(std::int64_t time_us) {
  const std::int64_t rest = time_us % kHourUs;
  return time_us - rest - (rest < 0 ? kHourUs : 0);
}

void HourTotals::Start(std::uint32_t device, std::int64_t hour_us) {
  device_ = device;
  hour_us_ = hour_us;
  events_ = alerts_ = 0;
  std::fill(metrics_.begin(), metrics_.end(), Metric{0, 0, kInfinity, -kInfinity, 0});
}

void HourTotals::Add(RowView row, bool is_alert) {
  ++events_;
  alerts_ += is_alert ? 1 : 0;
  for (std::size_t m = 0; m < metrics_.size(); ++m) {
    const double value = row.metric(m);
    if (std::isnan(value)) continue;
    Metric& metric = metrics_[m];
    const long double sum = metric.sum + value;
    metric.lost += std::fabs(metric.sum) >= std::fabs(value) ? (metric.sum - sum) + value
                                                             : (value - sum) + metric.sum;
    metric.sum = sum;
    metric.min = std::min(metric.min, value);
    metric.max = std::max(metric.max, value);
    ++metric.count;
  }
}

double HourTotals::Average(std::size_t m) const {
  const Metric& metric = metrics_[m];
  if (metric.count == 0) return kNull;
  return static_cast<double>((metric.sum + metric.lost) / static_cast<long double>(metric.count));
}

double HourTotals::Max(std::size_t m) const {
  return metrics_[m].count == 0 ? kNull : metrics_[m].max;
}

double HourTotals::Min(std::size_t m) const {
  return metrics_[m].count == 0 ? kNull : metrics_[m].min;
}

}  // namespace tocsin
