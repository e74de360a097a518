#include "web_api/series.h"

#include <algorithm>
#include <limits>

namespace tocsin {
namespace {

constexpr std::int64_t kHoleIntervals = 10;

void Add(SamplePoints& points, std::int64_t time_us, double value) {
  points.t_ms.push_back(static_cast<double>(time_us) / 1000);
  points.v.push_back(value);
}

// An interval between neighbours beyond which there is a hole.
std::int64_t LongestInterval(const Readings& readings, std::int64_t bucket_us) {
  std::vector<std::int64_t> intervals;
  for (std::size_t i = 1; i < readings.size(); ++i) {
    intervals.push_back(readings[i].first - readings[i - 1].first);
  }
  if (intervals.empty()) return std::numeric_limits<std::int64_t>::max();
  const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2);
  std::ranges::nth_element(intervals, middle);
  return std::max(*middle * kHoleIntervals, 2 * bucket_us);
}

class LineBuilder {
 public:
  explicit LineBuilder(std::int64_t longest_us) : longest_us_(longest_us) {}
  void Add(const std::pair<std::int64_t, double>& reading) {
    if (!points.t_ms.empty() && reading.first - last_us_ > longest_us_) {
      tocsin::Add(points, last_us_ + (reading.first - last_us_) / 2,
                  std::numeric_limits<double>::quiet_NaN());
    }
    tocsin::Add(points, reading.first, reading.second);
    last_us_ = reading.first;
  }
  SamplePoints points;

 private:
  const std::int64_t longest_us_;
  std::int64_t last_us_ = 0;
};

}  // namespace

Readings MergeReadings(const Readings& a, const Readings& b) {
  Readings merged;
  merged.reserve(a.size() + b.size());
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() || j < b.size()) {
    const bool from_a = j == b.size() || (i < a.size() && a[i].first < b[j].first);
    const auto& next = from_a ? a[i++] : b[j++];
    if (!merged.empty() && merged.back().first == next.first) continue;
    merged.push_back(next);
  }
  return merged;
}

SamplePoints ReduceToMinMax(const Readings& readings, std::int64_t from_us, std::int64_t to_us,
                            std::size_t buckets) {
  const std::int64_t span_us = std::max<std::int64_t>(1, to_us - from_us);
  const auto count = static_cast<std::int64_t>(buckets);
  if (readings.size() <= 2 * buckets) {
    LineBuilder line(LongestInterval(readings, 0));
    for (const auto& reading : readings) line.Add(reading);
    return std::move(line.points);
  }
  LineBuilder line(LongestInterval(readings, span_us / count));
  const double scale = static_cast<double>(count) / static_cast<double>(span_us);
  for (std::size_t i = 0; i < readings.size();) {
    const auto bucket_of = [&](std::size_t at) {
      return static_cast<std::int64_t>(static_cast<double>(readings[at].first - from_us) * scale);
    };
    const std::int64_t bucket = bucket_of(i);
    std::size_t low = i;
    std::size_t high = i;
    for (; i < readings.size() && bucket_of(i) == bucket; ++i) {
      if (readings[i].second < readings[low].second) low = i;
      if (readings[i].second > readings[high].second) high = i;
    }
    line.Add(readings[std::min(low, high)]);
    if (low != high) line.Add(readings[std::max(low, high)]);
  }
  return std::move(line.points);
}

TrendCells MergeIntoBuckets(const TrendCells& cells, std::int64_t width_us) {
  TrendCells buckets;
  for (const auto& [time_us, cell] : cells) {
    const std::int64_t number = time_us / width_us - (time_us % width_us < 0 ? 1 : 0);
    const std::int64_t begin_us = number * width_us;
    if (buckets.empty() || buckets.back().first != begin_us)
      buckets.emplace_back(begin_us, TrendCell());
    buckets.back().second.Merge(cell);
  }
  return buckets;
}

}  // namespace tocsin
