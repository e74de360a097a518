#include "template/go_time.h"

#include <gtest/gtest.h>

#include "base/time_text.h"

namespace tocsin {
namespace {

std::string Format(const char* time, const char* layout) {
  return FormatGoTime(*ParseTime(time), layout);
}

// What Go 1.22 writes for the same layouts.
TEST(GoTimeTest, WritesTheLayoutsOfGo) {
  constexpr const char* kTime = "2026-03-05T14:07:09.012300Z";
  EXPECT_EQ(Format(kTime, "2006-01-02 15:04:05 MST"), "2026-03-05 14:07:09 UTC");
  EXPECT_EQ(Format(kTime, "Mon Jan _2 15:04:05 2006"), "Thu Mar  5 14:07:09 2026");
  EXPECT_EQ(Format(kTime, "Mon, 02 Jan 2006 15:04:05 -0700"), "Thu, 05 Mar 2026 14:07:09 +0000");
  EXPECT_EQ(Format(kTime, "2006-01-02T15:04:05Z07:00"), "2026-03-05T14:07:09Z");
  EXPECT_EQ(Format(kTime, "Monday, January 2, 2006 at 3:04pm (-07:00)"),
            "Thursday, March 5, 2026 at 2:07pm (+00:00)");
  EXPECT_EQ(Format(kTime, "1/2/06 03:04 PM"), "3/5/26 02:07 PM");
  EXPECT_EQ(Format(kTime, "4m 5s 1.2.2006 002 __2"), "7m 9s 3.5.2026 064  64");
  EXPECT_EQ(Format(kTime, "_2006"), "_2026");
  EXPECT_EQ(Format("2026-03-05T00:00:00Z", "3:04PM 15h"), "12:00AM 00h");
}

TEST(GoTimeTest, FractionsHaveTheDigitsOfTheLayout) {
  constexpr const char* kTime = "2026-03-05T14:07:09.012300Z";
  EXPECT_EQ(Format(kTime, "05.000"), "09.012");
  EXPECT_EQ(Format(kTime, "05.000000000"), "09.012300000");
  EXPECT_EQ(Format(kTime, "05.999999999"), "09.0123");
  EXPECT_EQ(Format(kTime, "05,00"), "09,01");
  EXPECT_EQ(Format("2026-03-05T14:07:09Z", "05.999Z"), "09Z");
  EXPECT_EQ(Format(kTime, "15.04"), "14.07") << "digits of another part follow";
}

TEST(GoTimeTest, WhatIsNoPartOfTheTimeStandsForItself) {
  EXPECT_EQ(Format("2026-03-05T14:07:09Z", "Janus at Monte °C"), "Janus at Monte °C");
  EXPECT_EQ(Format("2026-03-05T14:07:09Z", ""), "");
  EXPECT_EQ(FormatGoTime(0, "2006"), "");
}

}  // namespace
}  // namespace tocsin
