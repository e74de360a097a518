#include "live_view/minute_trend.h"

#include <algorithm>
#include <cmath>

namespace tocsin {
namespace {

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::size_t SlotOf(std::int64_t minute) {
  const std::int64_t slot = minute % MinuteTrend::kMinutes;
  return static_cast<std::size_t>(slot < 0 ? slot + MinuteTrend::kMinutes : slot);
}

}  // namespace

void TrendCell::Merge(const TrendCell& other) {
  if (other.count == 0) return;
  min = count == 0 ? other.min : std::min(min, other.min);
  max = count == 0 ? other.max : std::max(max, other.max);
  sum += other.sum;
  count += other.count;
}

MinuteTrend::MinuteTrend(std::size_t metric_count)
    : ring_(kMinutes, Minute{.cells = std::vector<TrendCell>(metric_count)}) {}

void MinuteTrend::Add(std::int64_t time_us, std::span<const double> values) {
  const std::int64_t number = FloorDivide(time_us, kMinuteUs);
  Minute& minute = ring_[SlotOf(number)];
  if (number < minute.number || (newest_ != INT64_MIN && number <= newest_ - kMinutes)) return;
  if (number > minute.number) {
    minute.number = number;
    std::ranges::fill(minute.cells, TrendCell());
  }
  newest_ = std::max(newest_, number);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isnan(values[i])) minute.cells[i].Add(values[i]);
  }
}

void MinuteTrend::Visit(
    std::size_t metric, std::int64_t from_us, std::int64_t to_us,
    const std::function<void(std::int64_t minute_us, const TrendCell&)>& visit) const {
  if (newest_ == INT64_MIN) return;
  for (std::int64_t number = newest_ - kMinutes + 1; number <= newest_; ++number) {
    const Minute& minute = ring_[SlotOf(number)];
    if (minute.number != number || minute.cells[metric].count == 0) continue;
    const std::int64_t begin_us = number * kMinuteUs;
    if (begin_us >= from_us && begin_us < to_us) visit(begin_us, minute.cells[metric]);
  }
}

std::int64_t MinuteTrend::first_us() const {
  if (newest_ == INT64_MIN) return INT64_MAX;
  for (std::int64_t number = newest_ - kMinutes + 1; number <= newest_; ++number) {
    if (ring_[SlotOf(number)].number == number) return number * kMinuteUs;
  }
  return INT64_MAX;
}

}  // namespace tocsin
