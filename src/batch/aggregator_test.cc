#include "batch/aggregator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tocsin {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;
constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

HourTotals Total(const std::vector<double>& values) {
  HourTotals totals(1);
  totals.Start(3, 0);
  for (const double value : values) {
    std::uint64_t words[4];
    SetRowHead(words, 0, value > 50 ? 1 : 0, 3, 0);
    SetRowMetric(words, 0, value);
    totals.Add(RowView(words));
  }
  return totals;
}

TEST(HourOfTest, RoundsDownAlsoBefore1970) {
  EXPECT_EQ(HourOf(0), 0);
  EXPECT_EQ(HourOf(kHour - 1), 0);
  EXPECT_EQ(HourOf(kHour), kHour);
  EXPECT_EQ(HourOf(-1), -kHour);
  EXPECT_EQ(HourOf(-kHour), -kHour);
  EXPECT_EQ(HourOf(-kHour - 1), -2 * kHour);
}

TEST(HourTotalsTest, LeavesNullsOutOfEveryMetricButCountsTheEvent) {
  const HourTotals totals = Total({10, kNull, 60});
  EXPECT_EQ(totals.Average(0), 35);
  EXPECT_EQ(totals.Max(0), 60);
  EXPECT_EQ(totals.Min(0), 10);
  EXPECT_EQ(totals.events(), 3);
  EXPECT_EQ(totals.alerts(), 1);
}

TEST(HourTotalsTest, IsNullWhenEveryValueWasNull) {
  const HourTotals totals = Total({kNull, kNull});
  EXPECT_TRUE(std::isnan(totals.Average(0)));
  EXPECT_TRUE(std::isnan(totals.Max(0)));
  EXPECT_TRUE(std::isnan(totals.Min(0)));
}

TEST(HourTotalsTest, AveragesAMillionTenthsToATenth) {
  // Added up plainly, doubles give 0.10000000000133288.
  EXPECT_EQ(Total(std::vector<double>(1'000'000, 0.1)).Average(0), 0.1);
}

TEST(HourTotalsTest, DoesNotOverflowOnTheLargestNumbers) {
  const double most = std::numeric_limits<double>::max();
  EXPECT_EQ(Total({most, most, most}).Average(0), most);
}

}  // namespace
}  // namespace tocsin
