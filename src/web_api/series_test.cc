#include "web_api/series.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace tocsin {
namespace {

TEST(SeriesTest, OfEqualTimesTheSecondSourceStaysOnce) {
  const Readings merged = MergeReadings({{1, 10}, {2, 20}, {2, 21}, {4, 40}}, {{2, 99}, {3, 30}});
  EXPECT_EQ(merged, (Readings{{1, 10}, {2, 99}, {3, 30}, {4, 40}}));
}

TEST(SeriesTest, EveryBucketKeepsItsSmallestAndLargestReadingInTheOrderOfTime) {
  std::mt19937 random(7);
  Readings readings;
  for (std::int64_t i = 0; i < 10'000; ++i) {
    readings.emplace_back(i * 10, static_cast<double>(random() % 1'000));
  }
  constexpr std::size_t kBuckets = 50;
  const SamplePoints points = ReduceToMinMax(readings, 0, 100'000, kBuckets);
  EXPECT_LE(points.v.size(), 2 * kBuckets);
  EXPECT_TRUE(std::ranges::is_sorted(points.t_ms));
  for (std::size_t bucket = 0; bucket < kBuckets; ++bucket) {
    double low = 1e9;
    double high = -1e9;
    for (std::size_t i = bucket * 200; i < (bucket + 1) * 200; ++i) {
      low = std::min(low, readings[i].second);
      high = std::max(high, readings[i].second);
    }
    double kept_low = 1e9;
    double kept_high = -1e9;
    for (std::size_t i = 0; i < points.v.size(); ++i) {
      if (static_cast<std::size_t>(points.t_ms[i]) / 2 != bucket) continue;
      kept_low = std::min(kept_low, points.v[i]);
      kept_high = std::max(kept_high, points.v[i]);
    }
    EXPECT_EQ(kept_low, low) << bucket;
    EXPECT_EQ(kept_high, high) << bucket;
  }
}

TEST(SeriesTest, FewReadingsStayAsTheyAre) {
  const SamplePoints points = ReduceToMinMax({{1'500, 1}, {2'000, 2}}, 0, 10'000, 1);
  EXPECT_EQ(points.t_ms, (std::vector<double>{1.5, 2}));
  EXPECT_EQ(points.v, (std::vector<double>{1, 2}));
  EXPECT_TRUE(ReduceToMinMax({}, 0, 10, 5).v.empty());
}

TEST(SeriesTest, AHoleOfMoreThanTenUsualIntervalsIsMarked) {
  Readings readings;
  for (std::int64_t i = 0; i < 20; ++i) readings.emplace_back(i * 1'000, 1);
  readings.emplace_back(19'000 + 10'000, 1);
  EXPECT_EQ(ReduceToMinMax(readings, 0, 100'000, 100).v.size(), 21u);
  readings.emplace_back(29'000 + 10'001, 1);
  const SamplePoints points = ReduceToMinMax(readings, 0, 100'000, 100);
  ASSERT_EQ(points.v.size(), 23u);
  EXPECT_TRUE(std::isnan(points.v[21]));
  EXPECT_TRUE(std::ranges::is_sorted(points.t_ms));
}

TEST(SeriesTest, CellsOfOneBucketAreMergedAndBucketsBeginAtTheirMultiples) {
  TrendCell one;
  one.Add(1);
  TrendCell two;
  two.Add(5);
  two.Add(3);
  const TrendCells merged = MergeIntoBuckets({{-60, one}, {0, one}, {60, two}, {119, one}}, 120);
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].first, -120);
  EXPECT_EQ(merged[1].first, 0);
  EXPECT_EQ(merged[1].second.count, 4u);
  EXPECT_EQ(merged[1].second.sum, 10);
  EXPECT_EQ(merged[1].second.max, 5);
}

}  // namespace
}  // namespace tocsin
