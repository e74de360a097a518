#include "base/time_text.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(ParseTimeTest, ReadsEveryFormOfTheContract) {
  const std::int64_t expected = 1'763'892'930'123'456;
  for (const char* text : {"2025-11-23T10:15:30.123456Z", "2025-11-23t10:15:30.123456z",
                           "2025-11-23 10:15:30.123456", "2025-11-23T10:15:30.123456+00:00",
                           "2025-11-23T12:15:30.123456+0200", "2025-11-23T05:45:30.123456-04:30",
                           "2025-11-23T11:15:30.123456+01", "2025-11-23T10:15:30.123456999Z"}) {
    EXPECT_EQ(ParseTime(text), expected) << text;
  }
  EXPECT_EQ(ParseTime("2025-11-23T10:15:30"), 1'763'892'930'000'000);
  EXPECT_EQ(ParseTime("2025-11-23T10:15:30.5Z"), 1'763'892'930'500'000);
}

TEST(ParseTimeTest, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2025-11-23",
                           "2025-11-23T10:15",
                           "2025-11-23T10:15:60Z",
                           "2025-11-23T24:00:00Z",
                           "2025-02-29T00:00:00Z",
                           "2025-13-01T00:00:00Z",
                           "2025-00-01T00:00:00Z",
                           "2025-11-31T00:00:00Z",
                           "2025-11-23T10:15:30.Z",
                           "2025-11-23T10:15:30.1234567890Z",
                           "2025-11-23T10:15:30+24:00",
                           "2025-11-23T10:15:30+23:60",
                           "2025-11-23T10:15:30+1",
                           "2025-11-23T10:15:30+1:00",
                           "2025-11-23T10:15:30 Z",
                           "2025-11-23  10:15:30",
                           "2025-11-23_10:15:30",
                           "25-11-23T10:15:30Z",
                           "2025-1-23T10:15:30Z",
                           "2025-11-23T10:15:30ZZ",
                           " 2025-11-23T10:15:30Z",
                           "2025-11-23T1a:15:30Z",
                           "2025/11/23T10:15:30Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

TEST(ParseTimeTest, KnowsLeapYearsOfTheGregorianCalendar) {
  EXPECT_TRUE(ParseTime("2024-02-29T00:00:00Z"));
  EXPECT_TRUE(ParseTime("2000-02-29T00:00:00Z"));
  EXPECT_FALSE(ParseTime("1900-02-29T00:00:00Z"));
}

TEST(TimeParserTest, GivesWhatParseTimeGivesWhateverCameBefore) {
  const std::string_view texts[] = {"2025-11-23T10:15:30.123456Z",
                                    "2025-11-23T10:15:59.9+01:00",
                                    "2025-11-23T10:15:60Z",
                                    "2025-11-23T10:15:30.1234567Z",
                                    "2025-11-23T10:16:00",
                                    "2025-11-23 10:16:00",
                                    "2025-11-23T10:61:00",
                                    "1970-01-01T00:00:00.000001Z",
                                    "2025-11-23T10:15:30.12345Z",
                                    "2025-11-23T10:15:30.123456-0130",
                                    "2025-11-23T10:15:30.12a456Z",
                                    "2025-11-23T10:15:30.123456",
                                    "2025-11-23T10:15:30.123456x",
                                    "2025-11-23T10:15:30/123456Z",
                                    "2025-11-23T10:15:30.999999Z",
                                    "2025-11-23T10:15:30.1234567890",
                                    "2025-11-23T10:15:30.000000+00:00",
                                    "2025-11-23T10:15:30.987654+00:00",
                                    "2025-11-23T10:15:30.987654+00:01",
                                    "2025-11-23T10:15:30.98765x+00:00",
                                    "2025-11-23T10:15:31.987654+00:00",
                                    "2025-12-23T10:15:30.987654+00:00",
                                    "2025-11-23T10:15:30.123Z",
                                    "2025-11-23T10:15:30.987Z",
                                    "2025-11-23T10:15:30.98:Z",
                                    "2025-11-23T10:15:30.987z",
                                    "2025-11-23t10:15:30.987Z",
                                    "2025-11-23T10:15:30Z",
                                    "2025-11-23T10:15:31Z",
                                    "2025-11-23T10:15:30",
                                    "2025-11-23T10:15:31",
                                    "2025-11-23T10:15:30.1",
                                    "2025-11-23T10:15:30.7",
                                    "2025-11-23T10:15:30.",
                                    "2025-11-23T10:15:30.25-0130",
                                    "2025-11-23T10:15:30.75-0130",
                                    "2025-11-23T10:15:30.75-0131",
                                    "2025-11-23T10:15:30.7\xB0-0130",
                                    "2025-11-23T10:15:30.123456789+01:00",
                                    "2025-11-23T10:15:30.123456780+01:00"};
  TimeParser parser;
  for (const std::string_view before : texts) {
    for (const std::string_view text : texts) {
      // Twice: a layout is remembered when a second comes again.
      parser.Parse(before);
      EXPECT_EQ(parser.Parse(before), ParseTime(before)) << before << " again";
      EXPECT_EQ(parser.Parse(text), ParseTime(text)) << before << ", then " << text;
    }
  }
  const std::string zeros = std::string(16, '\0') + ":30Z";
  EXPECT_EQ(TimeParser().Parse(zeros), std::nullopt);
}

TEST(ParseTimeTest, ReadsEveryFractionOfOneToNineDigits) {
  const std::string digits = "987654321";
  for (std::size_t size = 1; size <= 9; ++size) {
    std::int64_t expected = 0;
    for (std::size_t i = 0; i < 6; ++i) expected = expected * 10 + (i < size ? digits[i] - '0' : 0);
    for (const char* zone : {"", "Z", "+00", "+0000", "+00:00"}) {
      const std::string text = "1970-01-01T00:00:00." + digits.substr(0, size) + zone;
      EXPECT_EQ(ParseTime(text), expected) << text;
    }
  }
}

TEST(FormatTimeTest, IsTheInverseOfParseTime) {
  for (const char* text :
       {"0000-01-01T00:00:00.000000Z", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:00:00.000000Z",
        "2024-02-29T12:34:56.000001Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_EQ(FormatTime(*ParseTime(text)), text);
  }
}

}  // namespace
}  // namespace tocsin
