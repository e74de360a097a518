#include "rule/threshold_rules.h"

#include <gtest/gtest.h>

#include <limits>

namespace tocsin {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Only the columns that rules look at.
EventBatch BatchOf(const std::vector<double>& temperature, const std::vector<double>& humidity) {
  EventBatch batch(2);
  batch.metrics[0] = temperature;
  batch.metrics[1] = humidity;
  batch.reject.assign(temperature.size(), RejectReason::kNone);
  return batch;
}

std::vector<std::uint64_t> Evaluate(const RuleSet& rules, const EventBatch& batch) {
  std::vector<std::uint64_t> conditions(batch.size(), ~0ull);
  rules.Evaluate(batch, conditions);
  return conditions;
}

TEST(RuleSetTest, DefaultsHaveTheNamesFlagsAndOrderOfTheContract) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules.rule(0).name, "temperature_high");
  EXPECT_EQ(rules.rule(0).flag_column, "is_temp_alert");
  EXPECT_EQ(rules.rule(0).severity, "warning");
  EXPECT_EQ(rules.rule(1).name, "humidity_low");
  EXPECT_EQ(rules.rule(1).flag_column, "is_humidity_alert");
}

TEST(RuleSetTest, TheThresholdItselfIsAnAlert) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  const EventBatch batch = BatchOf({49.99, 50, 51, 0}, {25.01, 26, 25, 0});
  EXPECT_EQ(Evaluate(rules, batch), (std::vector<std::uint64_t>{0, 1, 3, 2}));
}

TEST(RuleSetTest, ANullMetricIsNotTrue) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  EXPECT_EQ(Evaluate(rules, BatchOf({kNan, kNan}, {kNan, 1})), (std::vector<std::uint64_t>{0, 2}));
}

TEST(RuleSetTest, ARejectedRowHasNoCondition) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  EventBatch batch = BatchOf({99, 99}, {1, 1});
  batch.reject[0] = RejectReason::kInvalidJson;
  EXPECT_EQ(Evaluate(rules, batch), (std::vector<std::uint64_t>{0, 3}));
}

TEST(RuleSetTest, ADefaultRuleExistsOnlyWhenItsMetricIsDeclared) {
  Settings settings;
  settings.metrics = {{.name = "light", .unit = "lux", .min = 0, .max = 1e5},
                      {.name = "humidity", .unit = "%", .min = 0, .max = 100}};
  const RuleSet rules = RuleSet::Defaults(settings);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules.rule(0).name, "humidity_low");
  EXPECT_EQ(Evaluate(rules, BatchOf({1, 1}, {10, 90})), (std::vector<std::uint64_t>{1, 0}));
}

TEST(RuleSetTest, EveryRowOfALongBatchIsJudged) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  std::vector<double> temperature, humidity;
  std::vector<std::uint64_t> expected;
  for (int i = 0; i < 1003; ++i) {
    temperature.push_back(i % 100);
    humidity.push_back(i % 37);
    expected.push_back((i % 100 >= 50 ? 1u : 0u) | (i % 37 <= 25 ? 2u : 0u));
  }
  EXPECT_EQ(Evaluate(rules, BatchOf(temperature, humidity)), expected);
}

TEST(RuleSetTest, ReasonListsTheNamesInRuleOrder) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  EXPECT_EQ(rules.Reason(0), "");
  EXPECT_EQ(rules.Reason(2), "humidity_low");
  EXPECT_EQ(rules.Reason(3), "temperature_high,humidity_low");
}

TEST(RuleSetTest, TheVersionFollowsTheThreshold) {
  Settings settings;
  const RuleSet before = RuleSet::Defaults(settings);
  settings.temp_alert_threshold = 51;
  const RuleSet after = RuleSet::Defaults(settings);
  EXPECT_EQ(before.rule(0).version.size(), 16u);
  EXPECT_NE(before.rule(0).version, after.rule(0).version);
  EXPECT_EQ(before.rule(1).version, after.rule(1).version);
}

}  // namespace
}  // namespace tocsin
