#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tocsin {

// The event times of one device that DEDUP_WINDOW still remembers, ascending and each once.
//
// Stored in buckets of an eighth of the window: a commit writes the buckets that changed, not
// the whole window.
class RecentTimes {
 public:
  static std::int64_t BucketWidth(std::int64_t window_us);
  // The number of the bucket that holds `time_us`.
  static std::int64_t BucketOf(std::int64_t time_us, std::int64_t width_us);

  bool Contains(std::int64_t time_us) const;
  void Insert(std::int64_t time_us);  // no effect when it is there
  // Forgets the times before `limit_us`; appends to `emptied` the buckets that hold no time now.
  void ForgetBefore(std::int64_t limit_us, std::int64_t width_us,
                    std::vector<std::int64_t>& emptied);

  std::span<const std::int64_t> times() const { return std::span(times_).subspan(head_); }
  std::span<const std::int64_t> TimesOfBucket(std::int64_t bucket, std::int64_t width_us) const;

 private:
  std::vector<std::int64_t> times_;  // those before head_ are forgotten
  std::size_t head_ = 0;
};

}  // namespace tocsin
