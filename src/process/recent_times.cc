#include "process/recent_times.h"

#include <algorithm>

namespace tocsin {
namespace {

constexpr std::int64_t kBucketsPerWindow = 8;
constexpr std::size_t kMinCompaction = 16;

}  // namespace

std::int64_t RecentTimes::BucketWidth(std::int64_t window_us) {
  return std::max<std::int64_t>(1, window_us / kBucketsPerWindow);
}

std::int64_t RecentTimes::BucketOf(std::int64_t time_us, std::int64_t width_us) {
  const std::int64_t quotient = time_us / width_us;
  return time_us % width_us < 0 ? quotient - 1 : quotient;
}

bool RecentTimes::Contains(std::int64_t time_us) const {
  const auto all = times();
  if (all.empty() || time_us > all.back()) return false;
  return std::ranges::binary_search(all, time_us);
}

void RecentTimes::Insert(std::int64_t time_us) {
  if (times_.size() == head_ || time_us > times_.back()) {
    times_.push_back(time_us);
    return;
  }
  const auto begin = times_.begin() + static_cast<std::ptrdiff_t>(head_);
  const auto at = std::lower_bound(begin, times_.end(), time_us);
  if (*at != time_us) times_.insert(at, time_us);
}

void RecentTimes::ForgetBefore(std::int64_t limit_us, std::int64_t width_us,
                               std::vector<std::int64_t>& emptied) {
  while (head_ < times_.size() && times_[head_] < limit_us) {
    const std::int64_t bucket = BucketOf(times_[head_++], width_us);
    if (head_ == times_.size() || BucketOf(times_[head_], width_us) != bucket) {
      emptied.push_back(bucket);
    }
  }
  if (head_ >= kMinCompaction && head_ * 2 >= times_.size()) {
    times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

std::span<const std::int64_t> RecentTimes::TimesOfBucket(std::int64_t bucket,
                                                         std::int64_t width_us) const {
  const auto all = times();
  const auto of = [width_us](std::int64_t time_us) { return BucketOf(time_us, width_us); };
  const auto found = std::ranges::equal_range(all, bucket, {}, of);
  return {found.begin(), found.end()};
}

}  // namespace tocsin
