#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tocsin {

// Count, sum, smallest and largest value of one metric in some span of time.
struct TrendCell {
  std::uint64_t count = 0;
  double sum = 0;
  double min = 0;
  double max = 0;

  void Add(double value) {
    min = count == 0 ? value : (value < min ? value : min);
    max = count == 0 ? value : (value > max ? value : max);
    sum += value;
    ++count;
  }
  void Merge(const TrendCell& other);
  double avg() const { return sum / static_cast<double>(count); }  // count > 0
};

// The whole fleet by the minute of the event time, for the last kMinutes minutes that readings
// spoke of. A reading of an older minute is left out.
//
// Threads: none but the owner's.
class MinuteTrend {
 public:
  static constexpr std::int64_t kMinutes = 24 * 60;
  static constexpr std::int64_t kMinuteUs = 60'000'000;

  explicit MinuteTrend(std::size_t metric_count);
  // `values`: one for each metric; NaN = absent.
  void Add(std::int64_t time_us, std::span<const double> values);
  // Minutes that begin in [from_us, to_us) and have readings of the metric, ascending.
  void Visit(std::size_t metric, std::int64_t from_us, std::int64_t to_us,
             const std::function<void(std::int64_t minute_us, const TrendCell&)>& visit) const;
  // The beginning of the oldest minute held, INT64_MAX when there is none.
  std::int64_t first_us() const;

 private:
  struct Minute {
    std::int64_t number = INT64_MIN;  // since 1970
    std::vector<TrendCell> cells;
  };
  std::vector<Minute> ring_;
  std::int64_t newest_ = INT64_MIN;
};

}  // namespace tocsin
