#include "offline/series_notation.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::nullopt_t kNone = std::nullopt;

SeriesValues Values(std::string_view text) {
  const auto values = ParseSeriesValues(text);
  EXPECT_TRUE(values.has_value()) << values.error().message();
  return values ? *values : SeriesValues();
}

TEST(SeriesNotationTest, ExpandsAsPromtoolDoes) {
  EXPECT_EQ(Values("1 2.5 -3"), (SeriesValues{1, 2.5, -3}));
  EXPECT_EQ(Values("20+1x3"), (SeriesValues{20, 21, 22, 23}));
  EXPECT_EQ(Values("-2+4x3"), (SeriesValues{-2, 2, 6, 10}));
  EXPECT_EQ(Values("1-2x4"), (SeriesValues{1, -1, -3, -5, -7}));
  EXPECT_EQ(Values("5x2"), (SeriesValues{5, 5, 5}));
  EXPECT_EQ(Values("7x0"), (SeriesValues{7}));
  EXPECT_EQ(Values("1e2+1e-1x1"), (SeriesValues{100, 100.1}));
  EXPECT_EQ(Values("1 _ 2 _x3 stale"), (SeriesValues{1, kNone, 2, kNone, kNone, kNone, kNone}));
  EXPECT_EQ(Values(" \n"), SeriesValues{});
}

TEST(SeriesNotationTest, AWrongItemIsNamed) {
  for (const char* text : {"x3", "1+x3", "1+2", "1*2x3", "_3", "1x-1", "abc", "NaN", "1x2y"}) {
    const auto values = ParseSeriesValues(text);
    ASSERT_FALSE(values.has_value()) << text;
    EXPECT_TRUE(values.error().message().contains("'" + std::string(text) + "'"))
        << values.error().message();
  }
}

TEST(SeriesNotationTest, ASeriesIsBounded) {
  EXPECT_EQ(Values("1x999999").size(), kMaxSeriesValues);
  EXPECT_FALSE(ParseSeriesValues("1x1000000").has_value());
  EXPECT_FALSE(ParseSeriesValues("_x1000000 1").has_value());
  EXPECT_FALSE(ParseSeriesValues("_x18446744073709551615").has_value());
}

TEST(SeriesNotationTest, ReadsNamesWithTheirLabels) {
  const auto series =
      ParseSeriesName(R"( temperature { device_id = "dev \"1\"", site='north', } )");
  ASSERT_TRUE(series.has_value()) << series.error().message();
  EXPECT_EQ(series->metric, "temperature");
  EXPECT_EQ(series->labels,
            (std::map<std::string, std::string>{{"device_id", "dev \"1\""}, {"site", "north"}}));
  EXPECT_TRUE(ParseSeriesName("light")->labels.empty());
}

TEST(SeriesNotationTest, AWrongNameIsToldWithItsColumn) {
  const auto message = [](std::string_view text) {
    return ParseSeriesName(text).error().message();
  };
  EXPECT_EQ(message("1x"), "series '1x', column 1: a metric name is expected");
  EXPECT_EQ(message("a{b}"), "series 'a{b}', column 4: `=` is expected");
  EXPECT_EQ(message("a{b=\"c}"), "series 'a{b=\"c}', column 8: the quote has no end");
  EXPECT_EQ(message("a{b='c',b='d'}"),
            "series 'a{b='c',b='d'}', column 14: label `b` stands twice");
  EXPECT_EQ(message("a{} c"), "series 'a{} c', column 5: the series ends before here");
}

}  // namespace
}  // namespace tocsin
