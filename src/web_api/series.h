#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "live_view/minute_trend.h"

namespace tocsin {

// Points of a chart. Times are microseconds; a NaN value is a hole in the line.
struct SamplePoints {
  std::vector<double> t_ms;
  std::vector<double> v;
};

using Readings = std::vector<std::pair<std::int64_t, double>>;

// Both ascending by time; of equal times the one of `b` stays, once.
Readings MergeReadings(const Readings& a, const Readings& b);

// At most two points for each of `buckets` equal parts of [from, to): the smallest and the largest
// reading in the order of their times, so that no peak is lost. All readings when they are no more
// than that. A hole of more than ten usual (median) intervals is marked by a NaN point.
SamplePoints ReduceToMinMax(const Readings& readings, std::int64_t from_us, std::int64_t to_us,
                            std::size_t buckets);

using TrendCells = std::vector<std::pair<std::int64_t, TrendCell>>;
// Merges cells into buckets of `width_us`, which begin at its multiples. Ascending.
TrendCells MergeIntoBuckets(const TrendCells& cells, std::int64_t width_us);

}  // namespace tocsin
