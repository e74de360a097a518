#include "offline/rule_test_file.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::int64_t kMinute = 60'000'000;

RuleTestFile Parse(std::string_view text) {
  auto file = ParseRuleTestFile(text, "dir/t.yaml");
  EXPECT_TRUE(file.has_value()) << file.error().message();
  return file ? std::move(*file) : RuleTestFile();
}

std::string Mistake(std::string_view text) {
  const auto file = ParseRuleTestFile(text, "t.yaml");
  EXPECT_FALSE(file.has_value());
  return file ? "" : file.error().message();
}

TEST(RuleTestFileTest, ReadsTheShapeOfPromtool) {
  const RuleTestFile file = Parse(R"(
rule_files: [rules.yaml, /abs/r.yaml]
evaluation_interval: 1m
tests:
  - name: heat
    interval: 30s
    input_series:
      - series: 'temperature{device_id="dev_1"}'
        values: '20+1x1 _'
    alert_rule_test:
      - eval_time: 10m
        alertname: temperature_high
        exp_alerts:
          - exp_labels: {device_id: dev_1, severity: warning}
            exp_annotations: {summary: "hot"}
          - exp_labels: {device_id: dev_2}
      - {eval_time: "1970-01-01T01:00:00Z", alertname: x}
    transitions:
      - {time: 5m, alertname: x, state: firing, value: 51.5}
)");
  ASSERT_EQ(file.rule_files.size(), 2U);
  EXPECT_EQ(file.rule_files[0].path, "dir/rules.yaml");
  EXPECT_EQ(file.rule_files[0].place, (SourcePlace{2, 14}));
  EXPECT_EQ(file.rule_files[1].path, "/abs/r.yaml");
  ASSERT_EQ(file.tests.size(), 1U);
  const RuleTest& test = file.tests[0];
  EXPECT_EQ(test.name, "heat");
  EXPECT_EQ(test.interval_us, kMinute / 2);
  ASSERT_EQ(test.series.size(), 1U);
  EXPECT_EQ(test.series[0].values, (SeriesValues{20, 21, std::nullopt}));
  ASSERT_EQ(test.checks.size(), 2U);
  EXPECT_EQ(test.checks[0].time_us, 10 * kMinute);
  EXPECT_EQ(test.checks[0].place.line, 11U);
  EXPECT_EQ(test.checks[0].alerts[0].annotations->at("summary"), "hot");
  EXPECT_FALSE(test.checks[0].alerts[1].annotations.has_value());
  EXPECT_EQ(test.checks[1].time_us, 60 * kMinute);
  ASSERT_EQ(test.transitions->size(), 1U);
  EXPECT_EQ(test.transitions->at(0).fields.at("value"), "51.5");
}

TEST(RuleTestFileTest, AnEventIsAMappingOrJson) {
  const RuleTestFile file = Parse(R"(
rule_files: []
tests:
  - transitions: []
    events:
      - {device_id: dev_1, timestamp: 2025-01-01T00:00:00Z, temperature: 20, status: "1", x: [1, ~, 007]}
      - '{"device_id":"dev_1"}'
)");
  ASSERT_EQ(file.tests[0].events.size(), 2U);
  EXPECT_EQ(file.tests[0].events[0].json,
            R"({"device_id":"dev_1","timestamp":"2025-01-01T00:00:00Z","temperature":20,)"
            R"("status":"1","x":[1,null,"007"]})");
  EXPECT_EQ(file.tests[0].events[1].json, R"({"device_id":"dev_1"})");
}

TEST(RuleTestFileTest, AMistakeIsToldWithItsPlace) {
  EXPECT_EQ(Mistake("rule_file: []\n"),
            "t.yaml:1:1: unknown key `rule_file` of a test file; did you mean `rule_files`?");
  EXPECT_EQ(Mistake("rule_files: [a]\ntests:\n  - name: x\n"),
            "t.yaml:3:5: the test expects nothing: give `alert_rule_test` or `transitions`");
  EXPECT_EQ(Mistake("rule_files: [a]\ntests:\n  - transitions: []\n    input_series:\n"
                    "      - {series: temperature, values: '1'}\n"),
            "t.yaml:5:18: series 'temperature' has no device: write it like "
            "temperature{device_id=\"dev_1\"}");
  EXPECT_TRUE(Mistake("rule_files: [a]\ntests:\n  - transitions: []\n    input_series:\n"
                      "      - {series: 't{device_id=\"d\"}', values: '1y'}\n")
                  .starts_with("t.yaml:5:"));
  EXPECT_EQ(Mistake("rule_files: [a]\ntests:\n  - alert_rule_test: [{eval_time: soon, alertname: "
                    "x}]\n"),
            "t.yaml:3:35: `eval_time` is 'soon'; it is a duration from the start like 10m, or a "
            "time like 2025-01-01T00:00:00Z");
  EXPECT_TRUE(Mistake("a: [").starts_with("t.yaml:"));
}

TEST(RuleTestFileTest, AllMistakesAreToldAtOnceInTheirOrder) {
  const std::string mistakes = Mistake(R"(rule_files: [a, [b]]
evaluation_intervall: 1m
tests:
  - nam: x
    interval: 0m
    input_series:
      - {series: temperature, values: '1y'}
      - {series: 't{device_id="d"}'}
    alert_rule_test:
      - {eval_time: soon, alertname: [x], exp_alerts: [{exp_label: {}}]}
  - transitions: [{time: never, stat: firing}]
  - 5
)");
  std::size_t at = 0;
  for (const char* wanted :
       {"t.yaml:1:17: rule_files must be a text", "t.yaml:2:1: unknown key `evaluation_intervall`",
        "t.yaml:4:5: unknown key `nam`", "t.yaml:5:15: interval '0m'",
        "t.yaml:7:18: series 'temperature' has no device",
        "t.yaml:7:39: ", "t.yaml:8:9: a series has the keys", "t.yaml:10:21: `eval_time` is 'soon'",
        "t.yaml:10:38: `alertname` must be a text", "unknown key `exp_label`",
        "t.yaml:11:26: `time` is 'never'", "t.yaml:11:33: unknown key `stat`",
        "t.yaml:12:5: a test is a mapping"}) {
    const std::size_t found = mistakes.find(wanted, at);
    ASSERT_NE(found, std::string::npos) << wanted << "\nin\n" << mistakes;
    at = found;
  }
}

TEST(RuleTestFileTest, TimesAreDurationsFromTheEpochOrTimestamps) {
  EXPECT_EQ(ParseTestTime("1h30m"), 90 * kMinute);
  EXPECT_EQ(FormatTestTime(90 * kMinute), "1h30m");
  EXPECT_EQ(FormatTestTime(*ParseTestTime("2025-01-01T00:00:00Z")), "2025-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace tocsin
