#include "batch/aggregator.h"

#include <algorithm>

namespace tocsin {

std::int64_t HourOf(std::int64_t time_us) {
  const std::int64_t rest = time_us % kHourUs;
  return time_us - rest - (rest < 0 ? kHourUs : 0);
}

void HourTotals::Start(std::uint32_t device, std::int64_t hour_us) {
  device_ = device;
  hour_us_ = hour_us;
  events_ = alerts_ = 0;
  std::ranges::fill(metrics_, MetricTotals{});
}

void HourTotals::Add(RowView row, bool is_alert) {
  ++events_;
  alerts_ += is_alert ? 1 : 0;
  for (std::size_t m = 0; m < metrics_.size(); ++m) metrics_[m].Add(row.metric(m));
}

}  // namespace tocsin
