#include "rule/rule_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "rule/program.h"
#include "rule/rule_fixture.h"
#include "rule/rule_memory.h"

namespace tocsin {
namespace {

TEST(RuleSetTest, DefaultsHaveTheNamesFlagsAndOrderOfTheContract) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  ASSERT_EQ(rules.size(), 2u);
  EXPECT_EQ(rules.rule(0).name, "temperature_high");
  EXPECT_EQ(rules.rule(0).flag_column, "is_temp_alert");
  EXPECT_EQ(rules.rule(0).levels[0].severity, Severity::kWarning);
  EXPECT_EQ(CanonicalText(*rules.rule(0).levels[0].condition), "temperature >= 50");
  EXPECT_EQ(rules.rule(1).name, "humidity_low");
  EXPECT_EQ(rules.rule(1).flag_column, "is_humidity_alert");
  EXPECT_FALSE(rules.stateful());
  EXPECT_FALSE(rules.time_driven());
}

TEST(RuleSetTest, AnyFiniteThresholdMakesADefaultRule) {
  for (const double threshold : {-12.5, 0.0, 1e-300, -1e300, 1e22, 0.1, 123456789.125}) {
    Settings settings;
    settings.temp_alert_threshold = threshold;
    const RuleSet rules = RuleSet::Defaults(settings);
    ASSERT_EQ(rules.size(), 2u) << threshold;
    NaiveEvent event{.t_us = 1, .metrics = {threshold, 99, std::nullopt}};
    const EventTable table(std::span(&event, 1));
    RuleMemory memory(rules);
    EXPECT_EQ(memory.Evaluate(table.batch, table.batch_rows, table.rows()).conditions[0], 1u)
        << threshold;
  }
}

TEST(RuleSetTest, ADefaultRuleExistsOnlyWhenItsMetricIsDeclared) {
  Settings settings;
  settings.metrics = {{.name = "light", .unit = "lux", .min = 0, .max = 1e5},
                      {.name = "humidity", .unit = "%", .min = 0, .max = 100}};
  const RuleSet rules = RuleSet::Defaults(settings);
  ASSERT_EQ(rules.size(), 1u);
  EXPECT_EQ(rules.rule(0).name, "humidity_low");
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

TEST(RuleSetTest, ReasonListsTheNamesInRuleOrder) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  const std::uint64_t none = 0, second = 2, both = 3;
  EXPECT_EQ(rules.Reason(std::span(&none, 1)), "");
  EXPECT_EQ(rules.Reason(std::span(&second, 1)), "humidity_low");
  EXPECT_EQ(rules.Reason(std::span(&both, 1)), "temperature_high,humidity_low");
}

TEST(RuleSetTest, AnEmptySetHasOneWordAndNoConditions) {
  const RuleSet rules;
  EXPECT_EQ(rules.size(), 0u);
  EXPECT_EQ(rules.words(), 1u);
  NaiveEvent event{.t_us = 1, .metrics = {99, 1, std::nullopt}};
  const EventTable table(std::span(&event, 1));
  RuleMemory memory(rules);
  EXPECT_EQ(memory.Evaluate(table.batch, table.batch_rows, table.rows()).conditions[0], 0u);
}

TEST(RuleSetTest, MoreThan64RulesTakeSeveralWords) {
  std::vector<RuleSource> texts;
  for (int i = 0; i < 130; ++i) texts.push_back({{"temperature >= " + std::to_string(i)}});
  std::string mistakes;
  const RuleSet rules = RulesOf(texts, nullptr, mistakes);
  ASSERT_EQ(mistakes, "");
  ASSERT_EQ(rules.words(), 3u);
  const std::vector<NaiveEvent> events = {{.t_us = 1, .metrics = {63, 0, 0}},
                                          {.t_us = 2, .metrics = {129, 0, 0}}};
  const EventTable table(events);
  RuleMemory memory(rules);
  const RuleOutcome& outcome = memory.Evaluate(table.batch, table.batch_rows, table.rows());
  EXPECT_EQ(outcome.conditions, (std::vector<std::uint64_t>{~0ull, 0, 0, ~0ull, ~0ull, 3}));
  const std::string reason = rules.Reason(outcome.Row(1));
  EXPECT_TRUE(reason.ends_with(",rule_128,rule_129")) << reason;
}

TEST(RuleSetTest, KnowsWhichRulesHaveAMemoryAndWhichFollowTheClock) {
  std::string mistakes;
  const RuleSet plain = RulesOf({{{"temperature > 1 and humidity > 2"}}}, nullptr, mistakes);
  EXPECT_FALSE(plain.stateful());
  const RuleSet windowed = RulesOf({{{"avg(temperature, 5m) > 1"}}}, nullptr, mistakes);
  EXPECT_TRUE(windowed.stateful());
  EXPECT_FALSE(windowed.time_driven());
  const RuleSet mixed =
      RulesOf({{{"temperature > 1"}}, {{"temperature > 1"}, "absent(5m)"}}, nullptr, mistakes);
  EXPECT_TRUE(mixed.time_driven());
  EXPECT_FALSE(mixed.time_driven(0));
  EXPECT_TRUE(mixed.time_driven(1));
  EXPECT_EQ(mistakes, "");
}

// How many arguments each store has.
std::vector<std::size_t> StoresOf(const std::vector<RuleSource>& texts, bool required) {
  std::string mistakes;
  const RuleSet rules = RulesOf(texts, nullptr, mistakes, ThreeMetrics(required));
  EXPECT_EQ(mistakes, "");
  std::vector<std::size_t> arguments;
  for (const ProgramStore& store : rules.program().stores()) {
    arguments.push_back(store.states.size());
  }
  std::ranges::sort(arguments);
  return arguments;
}

TEST(RuleSetTest, WindowsAreKeptTogetherWhereEveryEventHasAValueOfEach) {
  const std::vector<RuleSource> three = {{{"avg(temperature, 5m) > 1"}},
                                         {{"sum(humidity, 10m) > 1 and min(temperature, 1m) > 1"}},
                                         {{"count_true(temperature > 50, 5m) > 1"}}};
  EXPECT_EQ(StoresOf(three, true), (std::vector<std::size_t>{3}));
  EXPECT_EQ(StoresOf(three, false), (std::vector<std::size_t>{1, 1, 1}));  // each may be null
  // An optional metric, a state without a window, a truth that needs another call first.
  EXPECT_EQ(StoresOf({{{"avg(temperature, 5m) > 1 and sum(humidity, 5m) > 1"}},
                      {{"max(light, 5m) > 1"}},
                      {{"consecutive(temperature > 1, 3)"}},
                      {{"count_true(avg(temperature, 5m) > 3, 5m) > 1"}}},
                     true),
            (std::vector<std::size_t>{1, 1, 1, 2}));
  // A window much shorter than another takes less memory by itself.
  EXPECT_EQ(StoresOf({{{"avg(temperature, 2h) > 1 and sum(humidity, 59m) > 1"}}}, true),
            (std::vector<std::size_t>{1, 1}));
}

TEST(RuleSetTest, WithoutARuleFileTheDefaultsAreInForce) {
  const auto rules = RuleSet::ForSettings(Settings());
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->size(), 2u);
}

TEST(RuleSetTest, ARuleFileTakesThePlaceOfTheDefaultsAndABadOneIsRefused) {
  const std::string path = testing::TempDir() + "/rule_set_test_rules.yaml";
  Settings settings;
  settings.rules_file = path;
  std::ofstream(path) << "groups:\n- name: g\n  rules:\n  - alert: warm\n"
                         "    expr: avg(temperature, 5m) > 30\n";
  const auto rules = RuleSet::ForSettings(settings);
  ASSERT_TRUE(rules) << rules.error().message();
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_EQ(rules->rule(0).name, "warm");
  EXPECT_TRUE(rules->stateful());
  std::ofstream(path) << "groups:\n- name: g\n  rules:\n  - alert: warm\n"
                         "    expr: avgg(temperature, 5m) > 30\n";
  const auto refused = RuleSet::ForSettings(settings);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConfiguration);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace tocsin
