#include "config/units.h"

#include <gtest/gtest.h>

#include <utility>

namespace tocsin {
namespace {

TEST(ParseDurationTest, ReadsEveryUnit) {
  for (const auto& [text, us] : {std::pair<const char*, std::int64_t>{"0", 0},
                                 {"1us", 1},
                                 {"250ms", 250'000},
                                 {"30s", 30'000'000},
                                 {"5m", 300'000'000},
                                 {"12h", 43'200'000'000},
                                 {"7d", 604'800'000'000},
                                 {"2w", 1'209'600'000'000},
                                 {"0s", 0},
                                 {"1h30m", 5'400'000'000},
                                 {"1d2h3m4s5ms6us", 93'784'005'006}}) {
    const auto parsed = ParseDurationUs(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, us) << text;
  }
}

TEST(ParseDurationTest, RefusesEverythingElseAndNamesTheText) {
  for (const char* text : {"",
                           "5",
                           "m",
                           "-5m",
                           "+5m",
                           "5 m",
                           " 5m",
                           "5m ",
                           "5M",
                           "1.5h",
                           "5x",
                           "30m1h",
                           "1h1h",
                           "1s1ms1s",
                           "00",
                           "99999999999999999999s",
                           "9223372036854775807w",
                           "106751992d",
                           "5m,",
                           "0x5m"}) {
    const auto parsed = ParseDurationUs(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument);
    EXPECT_NE(parsed.error().message().find("'" + std::string(text) + "'"), std::string::npos);
  }
}

TEST(FormatDurationTest, IsTheInverseOfParseDuration) {
  for (const char* text : {"0", "1us", "250ms", "1m30s", "7d", "1d2h3m4s5ms6us", "90d"}) {
    EXPECT_EQ(FormatDurationUs(ParseDurationUs(text).value()), text);
  }
}

TEST(ParseBytesTest, ReadsBinaryAndDecimalUnits) {
  for (const auto& [text, bytes] : {std::pair<const char*, std::int64_t>{"0", 0},
                                    {"65536", 65'536},
                                    {"17B", 17},
                                    {"64KiB", 65'536},
                                    {"512MiB", 536'870'912},
                                    {"10GiB", 10'737'418'240},
                                    {"1TiB", 1'099'511'627'776},
                                    {"2kB", 2'000},
                                    {"3MB", 3'000'000},
                                    {"4GB", 4'000'000'000},
                                    {"5TB", 5'000'000'000'000}}) {
    const auto parsed = ParseBytes(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ParseBytesTest, RefusesEverythingElseAndNamesTheText) {
  for (const char* text : {"", "KiB", "-1", "1.5GiB", "64 KiB", "64kib", "64K", "1GiB1MiB", "9EiB",
                           "9999999TiB", "99999999999999999999", "64KiB "}) {
    const auto parsed = ParseBytes(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidArgument);
    EXPECT_NE(parsed.error().message().find("'" + std::string(text) + "'"), std::string::npos);
  }
}

TEST(FormatBytesTest, ChoosesTheLargestExactUnit) {
  EXPECT_EQ(FormatBytes(0), "0");
  EXPECT_EQ(FormatBytes(65'536), "64KiB");
  EXPECT_EQ(FormatBytes(65'537), "65537");
  EXPECT_EQ(FormatBytes(10'737'418'240), "10GiB");
  EXPECT_EQ(FormatBytes(1'000'000), "1000000");
}

}  // namespace
}  // namespace tocsin
