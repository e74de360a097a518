#include <gtest/gtest.h>

#include "expression/expression_test_support.h"

namespace tocsin {
namespace {

TEST(ExpressionCheckTest, SuggestsTheNearestKnownName) {
  EXPECT_EQ(Read("avgg(temperature, 5m) > 1"),
            ":1:1: unknown function `avgg`; did you mean `avg`?");
  EXPECT_EQ(Read("temprature > 1"),
            ":1:1: unknown metric `temprature`; did you mean `temperature`?");
  EXPECT_EQ(Read("Temperature > 1"),
            ":1:1: unknown metric `Temperature`; did you mean `temperature`?");
  EXPECT_EQ(Read("AVG(level, 5m) > 1"), ":1:1: unknown function `AVG`; did you mean `avg`?");
  EXPECT_EQ(Read("avg_over_time(level) > 1"),
            ":1:1: unknown function `avg_over_time`; did you mean `avg`?");
  EXPECT_EQ(Read("mean(level, 5m) > 1"), ":1:1: unknown function `mean`; did you mean `avg`?");
  EXPECT_EQ(Read("level() > 1"),
            ":1:1: unknown function `level`; `level` is a metric and takes no arguments");
  EXPECT_NE(Read("avg > 1").find("`avg` is a function; call it, as in "), std::string::npos);
  EXPECT_EQ(
      Read("voltage > 1"),
      ":1:1: unknown metric `voltage`; declared are temperature, humidity, uptime, age, door, "
      "level; labels are read as labels.NAME");
}

TEST(ExpressionCheckTest, HasNoTruthOrNullConstants) {
  EXPECT_NE(Read("door == true").find(":1:9: there is no `true`; compare"), std::string::npos);
  EXPECT_NE(Read("level == null").find(":1:10: there is no `null`"), std::string::npos);
  EXPECT_EQ(Read("labels == 'x'"), ":1:1: labels are read as labels.NAME");
}

TEST(ExpressionCheckTest, RefusesMixedTypes) {
  EXPECT_EQ(Read("status > 5"), ":1:8: `>` compares `status`, a text, with `5`, a number");
  EXPECT_EQ(Read("device_id < 'a'"), ":1:11: `<` is for numbers; texts have ==, !=, =~ and !~");
  EXPECT_EQ(Read("(level > 1) + 1 > 2"),
            ":1:8: an operand of `+` must be a number, but `level > 1` is a condition");
  EXPECT_EQ(
      Read("level and door == 1"),
      ":1:1: an operand of `and` must be a condition, but `level` is a number; compare it, as "
      "in level > 50");
  EXPECT_EQ(Read("(level > 1) == (door > 0)"),
            ":1:8: `==` cannot compare the condition `level > 1`; use and, or, unless, not");
  EXPECT_EQ(Read("not level > 1"),
            ":1:1: `not` binds tighter than a comparison: write not (level > …)");
  EXPECT_EQ(
      Read("temperature"),
      ":1:1: the expression must be a condition, but `temperature` is a number; compare it, as "
      "in temperature > 50");
  EXPECT_EQ(Read("labels.site"),
            ":1:1: the expression must be a condition, but `labels.site` is a text; compare it, as "
            "in labels.site == \"…\"");
}

TEST(ExpressionCheckTest, TakesOnlyConstantPatternsThatRe2Accepts) {
  EXPECT_EQ(Read("labels.site =~ 'a.*'"), "labels.site =~ \"a.*\"");
  EXPECT_NE(Read("status =~ '('").find(":1:11: pattern \"(\" is no RE2: missing )"),
            std::string::npos);
  EXPECT_EQ(Read("status =~ device_id"),
            ":1:11: the pattern of `=~` must be a constant text, not `device_id`");
  EXPECT_EQ(Read("level !~ 'a'"),
            ":1:1: the left side of `!~` must be a text, but `level` is a number");
}

TEST(ExpressionUnitTest, RefusesSumsAndComparisonsOfDifferentUnits) {
  EXPECT_EQ(Read("temperature > humidity"),
            ":1:13: `>` between different units: `temperature` (°C) and `humidity` (%)");
  EXPECT_EQ(Read("temperature + humidity > 5"),
            ":1:13: `+` between different units: `temperature` (°C) and `humidity` (%)");
  EXPECT_EQ(Read("temperature > 5m"),
            ":1:13: `>` between different units: `temperature` (°C) and `5m` (a duration, in s)");
  EXPECT_EQ(Read("age > 5m"),
            ":1:5: `>` between different units: `age` (ms) and `5m` (a duration, in s)");
  EXPECT_EQ(Read("rate(temperature, 5m) > temperature"),
            ":1:23: `>` between different units: `rate(temperature, 5m)` (°C/s) and `temperature` "
            "(°C)");
}

TEST(ExpressionUnitTest, TakesEqualUnknownAndDerivedUnits) {
  EXPECT_EQ(Read("uptime > 5m"), "uptime > 5m");
  EXPECT_EQ(Read("level > 5m"), "level > 5m");
  EXPECT_EQ(Read("temperature > level"), "temperature > level");
  EXPECT_EQ(Read("temperature - avg(temperature, 5m) > 2"),
            "temperature - avg(temperature, 5m) > 2");
  EXPECT_EQ(Read("temperature * 2 > humidity"), "temperature * 2 > humidity");
  EXPECT_EQ(Read("temperature / humidity > uptime"), "temperature / humidity > uptime");
}

TEST(ExpressionCallTest, ChecksTheNumberOfArguments) {
  EXPECT_NE(Read("avg(level) > 1").find(":1:1: avg(metric, window) takes 2 arguments, not 1"),
            std::string::npos);
  EXPECT_NE(Read("lag(level, 5m) > 1").find(":1:1: lag(metric) takes 1 argument, not 2"),
            std::string::npos);
  EXPECT_NE(Read("absent()").find("takes 1 argument, not 0"), std::string::npos);
}

TEST(ExpressionCallTest, TakesAWindowOnlyOverAMetric) {
  EXPECT_EQ(Read("avg(level * 2, 5m) > 1"),
            ":1:11: argument `metric` of avg must be the name of a metric, not `level * 2`");
  EXPECT_EQ(Read("avg(status, 5m) > 1"),
            ":1:5: argument `metric` of avg must be a metric; `status` is a text");
  EXPECT_EQ(
      Read("count_true(level, 5m) > 1"),
      ":1:12: argument `condition` of count_true must be a condition, but `level` is a number; "
      "compare it, as in level > 50");
}

TEST(ExpressionCallTest, WantsConstantWindowsWithAUnit) {
  EXPECT_EQ(Read("avg(level, 300) > 1"),
            ":1:12: argument `window` of avg needs a unit: 300s, 300m or so");
  EXPECT_EQ(Read("avg(level, uptime) > 1"),
            ":1:12: argument `window` of avg must be a constant duration such as 5m, not `uptime`");
  EXPECT_EQ(Read("avg(level, 0s) > 1"),
            ":1:12: argument `window` of avg must be above 0 and at most 31d, not 0s");
  EXPECT_EQ(Read("avg(level, 32d) > 1"),
            ":1:12: argument `window` of avg must be above 0 and at most 31d, not 32d");
  EXPECT_EQ(Read("avg(level, 31d) > 1"), "avg(level, 31d) > 1");
  EXPECT_EQ(Read("absent(-5m)"),
            ":1:8: argument `after` of absent must be above 0 and at most 31d, not -5m");
}

TEST(ExpressionCallTest, ChecksConstantsAgainstTheirBounds) {
  EXPECT_EQ(Read("quantile(level, 0.9, 90s) > 1"), "quantile(level, 0.9, 1m30s) > 1");
  EXPECT_EQ(Read("quantile(level, 1.1, 5m) > 1"),
            ":1:17: argument `q` of quantile must be a constant number from 0 to 1, not `1.1`");
  EXPECT_EQ(Read("consecutive(level > 1, 3)"), "consecutive(level > 1, 3)");
  EXPECT_NE(Read("consecutive(level > 1, 2.5)").find("must be a constant whole number"),
            std::string::npos);
  EXPECT_NE(Read("consecutive(level > 1, 0)").find("must be a constant whole number"),
            std::string::npos);
}

TEST(ExpressionCallTest, TakesMinSamplesAsLastArgumentOfAWindow) {
  EXPECT_EQ(Read("avg(level, 5m, min_samples=3) > 1"), "avg(level, 5m, min_samples=3) > 1");
  EXPECT_EQ(Read("avg(level, 5m, min_samples=1) > 1"), "avg(level, 5m) > 1");
  EXPECT_EQ(Read("avg(level, min_samples=3, 5m) > 1"),
            ":1:12: `min_samples=` must be the last argument, and once");
  EXPECT_EQ(Read("lag(level, min_samples=3) > 1"),
            ":1:12: lag has no window, so it takes no min_samples");
  EXPECT_EQ(Read("avg(level, 5m, min_sample=3) > 1"),
            ":1:16: unknown argument `min_sample=`; did you mean `min_samples`?");
  EXPECT_NE(Read("avg(level, 5m, min_samples=0) > 1").find("from 1 to 1000000, not `0`"),
            std::string::npos);
}

TEST(ExpressionCheckTest, SaysEveryIndependentMistakeOnce) {
  EXPECT_EQ(Read("avgg(level, 5m) > tem and status > 5 or avg(leve, 7) > 1"),
            ":1:1: unknown function `avgg`; did you mean `avg`?\n"
            ":1:19: unknown metric `tem`; declared are temperature, humidity, uptime, age, door, "
            "level; labels are read as labels.NAME\n"
            ":1:34: `>` compares `status`, a text, with `5`, a number\n"
            ":1:45: unknown metric `leve`; did you mean `level`?\n"
            ":1:51: argument `window` of avg needs a unit: 7s, 7m or so");
}

}  // namespace
}  // namespace tocsin
