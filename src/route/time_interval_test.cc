#include "route/time_interval.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace tocsin {
namespace {

bool In(const TimeInterval& interval, std::string_view wall) {
  return interval.Contains(ParseTime(wall).value());
}

TEST(TimeIntervalTest, EmptyListsContainEverything) {
  EXPECT_TRUE(In(TimeInterval{}, "2026-01-01T00:00:00Z"));
}

TEST(TimeIntervalTest, TheEndOfATimeIsOutsideAndTwentyFourOClockIsTheEndOfTheDay) {
  TimeInterval interval;
  interval.times = {{17 * 60, 24 * 60}, {0, 8 * 60}};
  EXPECT_TRUE(In(interval, "2026-01-01T17:00:00Z"));
  EXPECT_TRUE(In(interval, "2026-01-01T23:59:59.999999Z"));
  EXPECT_TRUE(In(interval, "2026-01-02T00:00:00Z"));
  EXPECT_TRUE(In(interval, "2026-01-02T07:59:59Z"));
  EXPECT_FALSE(In(interval, "2026-01-02T08:00:00Z"));
  EXPECT_FALSE(In(interval, "2026-01-02T16:59:59Z"));
}

TEST(TimeIntervalTest, NegativeDaysCountFromTheEndOfTheirMonth) {
  TimeInterval last;
  last.days_of_month = {{-1, -1}};
  EXPECT_TRUE(In(last, "2024-02-29T12:00:00Z"));
  EXPECT_FALSE(In(last, "2024-02-28T12:00:00Z"));
  EXPECT_TRUE(In(last, "2026-02-28T12:00:00Z"));
  TimeInterval all_but_last;
  all_but_last.days_of_month = {{1, -2}};
  EXPECT_TRUE(In(all_but_last, "2026-04-29T12:00:00Z"));
  EXPECT_FALSE(In(all_but_last, "2026-04-30T12:00:00Z"));
  TimeInterval thirty_first;
  thirty_first.days_of_month = {{31, 31}};
  EXPECT_FALSE(In(thirty_first, "2026-04-30T12:00:00Z"));
  EXPECT_TRUE(In(thirty_first, "2026-05-31T12:00:00Z"));
}

TEST(TimeIntervalTest, WeekdaysMonthsAndYearsIncludeBothEnds) {
  TimeInterval interval;
  interval.weekdays = {{1, 5}};
  interval.months = {{12, 12}, {1, 2}};
  interval.years = {{2026, 2027}};
  EXPECT_TRUE(In(interval, "2026-01-02T00:00:00Z"));   // a Friday
  EXPECT_FALSE(In(interval, "2026-01-03T00:00:00Z"));  // a Saturday
  EXPECT_FALSE(In(interval, "2026-03-02T00:00:00Z"));
  EXPECT_FALSE(In(interval, "2028-01-03T00:00:00Z"));
}

// Clocks in Berlin go from 02:00 to 03:00 on 29 March 2026 at 01:00 UTC and back from 03:00 to
// 02:00 on 25 October at 01:00 UTC.
TEST(TimeIntervalTest, FollowsTheChangesOfBerlinsClocks) {
  TimeInterval interval;
  interval.location = "Europe/Berlin";
  interval.times = {{2 * 60, 3 * 60}};
  EXPECT_FALSE(In(interval, "2026-03-29T00:59:59Z"));
  EXPECT_FALSE(In(interval, "2026-03-29T01:00:00Z"));  // 03:00: the hour does not exist
  EXPECT_FALSE(In(interval, "2026-03-29T01:59:59Z"));
  EXPECT_TRUE(In(interval, "2026-03-30T00:30:00Z"));
  EXPECT_TRUE(In(interval, "2026-10-25T00:00:00Z"));  // 02:00 in summer time
  EXPECT_TRUE(In(interval, "2026-10-25T01:59:59Z"));  // 02:59:59 for the second time
  EXPECT_FALSE(In(interval, "2026-10-25T02:00:00Z"));
}

// New York goes to daylight time on 8 March 2026 at 07:00 UTC and back on 1 November at 06:00 UTC.
TEST(TimeIntervalTest, FollowsTheChangesOfNewYorksClocks) {
  TimeInterval interval;
  interval.location = "America/New_York";
  interval.times = {{9 * 60, 17 * 60}};
  EXPECT_FALSE(In(interval, "2026-03-07T13:59:59Z"));
  EXPECT_TRUE(In(interval, "2026-03-07T14:00:00Z"));
  EXPECT_FALSE(In(interval, "2026-03-08T12:59:59Z"));
  EXPECT_TRUE(In(interval, "2026-03-08T13:00:00Z"));
  EXPECT_FALSE(In(interval, "2026-03-08T21:00:00Z"));
  EXPECT_TRUE(In(interval, "2026-11-01T14:00:00Z"));
  EXPECT_FALSE(In(interval, "2026-11-01T13:59:59Z"));
  EXPECT_TRUE(In(interval, "2026-11-01T21:59:59Z"));
}

TEST(TimeIntervalTest, TheDayIsTheOneOfTheLocation) {
  TimeInterval interval;
  interval.location = "Pacific/Auckland";
  interval.weekdays = {{1, 1}};
  EXPECT_TRUE(In(interval, "2026-01-04T12:00:00Z"));  // Sunday in UTC, Monday there
  EXPECT_FALSE(In(interval, "2026-01-05T12:00:00Z"));
}

TEST(TimeIntervalTest, KnowsTheNamesOfTheTimeZoneDatabase) {
  for (const char* name : {"UTC", "Local", "Europe/Berlin", "America/New_York", "Asia/Kolkata"}) {
    EXPECT_TRUE(KnownLocation(name)) << name;
  }
  for (const char* name : {"", "Europe/Berlim", "../../etc/passwd", "Mars"}) {
    EXPECT_FALSE(KnownLocation(name)) << name;
  }
}

}  // namespace
}  // namespace tocsin
