#include "base/time_text.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(ParseTimeTest, ReadsEveryFormOfTheContract) {
  const std::int64_t expected = 1'763'892'930'123'456;
  for (const char* text :
       {"2025-11-23T10:15:30.123456Z", "2025-11-23t10:15:30.123456z", "2025-11-23 10:15:30.123456",
        "2025-11-23T10:15:30.123456+00:00", "2025-11-23T12:15:30.123456+0200",
        "2025-11-23T05:45:30.123456-04:30", "2025-11-23T11:15:30.123456+01",
        "2025-11-23T10:15:30.123456999Z"}) {
    EXPECT_EQ(ParseTime(text), expected) << text;
  }
  EXPECT_EQ(ParseTime("2025-11-23T10:15:30"), 1'763'892'930'000'000);
  EXPECT_EQ(ParseTime("2025-11-23T10:15:30.5Z"), 1'763'892'930'500'000);
}

TEST(ParseTimeTest, RefusesEverythingElse) {
  for (const char* text :
       {"", "2025-11-23", "2025-11-23T10:15", "2025-11-23T10:15:60Z", "2025-11-23T24:00:00Z",
        "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
        "2025-11-31T00:00:00Z", "2025-11-23T10:15:30.Z", "2025-11-23T10:15:30.1234567890Z",
        "2025-11-23T10:15:30+24:00", "2025-11-23T10:15:30+23:60", "2025-11-23T10:15:30+1",
        "2025-11-23T10:15:30+1:00", "2025-11-23T10:15:30 Z", "2025-11-23  10:15:30",
        "2025-11-23_10:15:30", "25-11-23T10:15:30Z", "2025-1-23T10:15:30Z", "2025-11-23T10:15:30ZZ",
        " 2025-11-23T10:15:30Z", "2025-11-23T1a:15:30Z", "2025/11/23T10:15:30Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(ParseTimeTest, KnowsLeapYearsOfTheGregorianCalendar) {
  EXPECT_TRUE(ParseTime("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(ParseTime("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(ParseTime("1900-02-29T00:00:00Z"));
}

TEST(FormatTimeTest, IsTheInverseOfParseTime) {
  for (const char* text : {"0000-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z",
                           "1970-01-01T00:00:00.000000Z", "2024-02-29T12:34:56.000001Z",
                           "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(FormatTime(*ParseTime(text)), text);
  }
}

}  // namespace
}  // namespace tocsin
