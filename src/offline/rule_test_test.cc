#include "offline/rule_test.h"

#include <gtest/gtest.h>

#include "offline/test_support.h"

namespace tocsin {
namespace {

constexpr const char* kRules = R"(
groups:
  - name: g
    rules:
      - alert: hot
        expr: temperature >= 50
        for: 2m
        labels: {team: ops}
        annotations: {summary: "{{device_id}} at {{temperature}}"}
      - {alert: silent, expr: absent(10m), severity: critical}
      - {alert: north, expr: "labels.site == \"north\" and humidity < 20"}
)";

class RuleTestTest : public ::testing::Test {
 protected:
  Result<RuleTestReport> Run(const std::string& tests) {
    scratch_.Write("rules.yaml", kRules);
    const std::string path = scratch_.Write("t.yaml", "rule_files: [rules.yaml]\ntests:\n" + tests);
    TOCSIN_ASSIGN(const RuleTestFile file, ReadRuleTestFile(path));
    return RunRuleTests(Settings(), file);
  }
  std::string Text(const std::string& tests) {
    const auto report = Run(tests);
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message());
    return report ? RuleTestText({*report}) : "";
  }

  OfflineScratch scratch_;
};

TEST_F(RuleTestTest, PassesWhenTheFiringInstancesAreThoseExpected) {
  EXPECT_TRUE(Text(R"(
  - name: heat
    input_series:
      - {series: 'temperature{device_id="d"}', values: '20 51 52 53 20'}
      - {series: 'humidity{device_id="d"}', values: '50x4'}
    alert_rule_test:
      - {eval_time: 2m, alertname: hot, exp_alerts: []}
      - eval_time: 3m
        alertname: hot
        exp_alerts:
          - exp_labels: {device_id: d, severity: warning, team: ops}
            exp_annotations: {summary: "d at 53"}
      - {eval_time: 4m, alertname: hot}
      - {eval_time: 13m59s, alertname: silent}
      - eval_time: 14m
        alertname: silent
        exp_alerts: [{exp_labels: {alertname: silent, device_id: d, severity: critical}}]
    transitions:
      - {time: 3m, alertname: hot, device_id: d, state: firing, value: 53}
      - {time: 4m, state: resolved}
      - {time: 14m, alertname: silent, state: firing}
)")
                  .contains("1 test, all passed"));
}

TEST_F(RuleTestTest, ShowsWhatWasExpectedAndWhatCame) {
  const std::string text = Text(R"(
  - name: wrong
    input_series:
      - {series: 'temperature{device_id="d"}', values: '51x5'}
    alert_rule_test:
      - eval_time: 3m
        alertname: hot
        exp_alerts: [{exp_labels: {device_id: e, severity: warning, team: ops}}]
)");
  EXPECT_TRUE(text.contains("1 test, 1 failed")) << text;
  EXPECT_TRUE(text.contains("FAILED: test wrong")) << text;
  EXPECT_TRUE(text.contains("alertname: hot, time: 3m")) << text;
  EXPECT_TRUE(text.contains(R"(- {device_id="e", severity="warning", team="ops"})")) << text;
  EXPECT_TRUE(text.contains(R"(+ {device_id="d", severity="warning", team="ops"})")) << text;
}

TEST_F(RuleTestTest, SeriesOfOneDeviceAndInstantAreOneEventWithItsLabels) {
  EXPECT_TRUE(Text(R"(
  - input_series:
      - {series: 'temperature{device_id="d",site="north"}', values: '55 55'}
      - {series: 'humidity{device_id="d"}', values: '10 10'}
      - {series: 'humidity{device_id="e"}', values: '10 10'}
    transitions:
      - {time: 0, alertname: north, device_id: d, state: firing}
)")
                  .contains("all passed"));
}

TEST_F(RuleTestTest, AnEventOutOfOrderChangesNoAlert) {
  EXPECT_TRUE(Text(R"(
  - events:
      - {device_id: d, timestamp: "1970-01-01T00:00:00Z", temperature: 55, humidity: 50}
      - {device_id: d, timestamp: "1970-01-01T00:02:00Z", temperature: 55, humidity: 50}
      - {device_id: d, timestamp: "1970-01-01T00:01:00Z", temperature: 20, humidity: 50}
    transitions:
      - {time: 2m, alertname: hot, device_id: d, state: firing}
)")
                  .contains("all passed"));
}

TEST_F(RuleTestTest, MistakesOfATestAreToldWithTheirPlace) {
  const auto message = [&](const std::string& tests) {
    const auto report = Run(tests);
    EXPECT_FALSE(report.has_value());
    return report ? "" : report.error().message();
  };
  EXPECT_TRUE(message("  - alert_rule_test: [{eval_time: 1m, alertname: hott}]\n")
                  .contains("did you mean `hot`?"));
  EXPECT_TRUE(message("  - transitions: []\n    input_series:\n"
                      "      - {series: 'temprature{device_id=\"d\"}', values: '1'}\n")
                  .contains("did you mean `temperature`?"));
  EXPECT_TRUE(message("  - transitions: []\n    events: ['{\"device_id\":\"d\"}']\n")
                  .contains("missing_field"));
}

TEST_F(RuleTestTest, AllMistakesAreToldAtOnce) {
  const auto report = Run(R"(
  - alert_rule_test: [{eval_time: 1m, alertname: hott}, {eval_time: 1m, alertname: northh}]
    input_series:
      - {series: 'temprature{device_id="d"}', values: '1'}
      - {series: 'humdity{device_id="d"}', values: '1'}
  - transitions: []
    events: ['{"device_id":"d"}', 'x']
)");
  ASSERT_FALSE(report.has_value());
  const std::string& message = report.error().message();
  for (const char* wanted : {"t.yaml:4:23: the rule files have no rule `hott`", "`northh`",
                             "t.yaml:6:9: metric `temprature`", "`humdity`",
                             "t.yaml:9:14: the event would be rejected, missing_field",
                             "the event would be rejected, invalid_json"}) {
    EXPECT_TRUE(message.contains(wanted)) << wanted << "\nin\n" << message;
  }
}

TEST_F(RuleTestTest, MistakesOfAllRuleFilesAreToldAtOnce) {
  scratch_.Write("a.yaml", "groups: [{name: g, rules: [{alert: a, expr: temprature > 1}]}]\n");
  scratch_.Write(
      "b.yaml", "fleet: {silent_after: soon}\ngroups: [{name: g, rules: [{alert: b, expr: x}]}]\n");
  const std::string path =
      scratch_.Write("t.yaml", "rule_files: [a.yaml, none.yaml, b.yaml]\ntests: []\n");
  const auto file = ReadRuleTestFile(path);
  ASSERT_TRUE(file.has_value());
  const auto report = RunRuleTests(Settings(), *file);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), Code::kConfiguration);
  const std::string& message = report.error().message();
  for (const char* wanted : {"a.yaml:1:", "b.yaml:1:23: silent_after: `soon`", "b.yaml:2:",
                             "t.yaml:1:22: the rule file cannot be read", "none.yaml"}) {
    EXPECT_TRUE(message.contains(wanted)) << wanted << "\nin\n" << message;
  }
}

TEST_F(RuleTestTest, JsonTellsTheSame) {
  const auto report = Run("  - name: n\n    transitions: [{state: firing}]\n");
  ASSERT_TRUE(report.has_value());
  EXPECT_TRUE(RuleTestJson({*report}).contains(
      "\"name\":\"n\",\"ok\":false,\"failures\":[{\"line\":3,\"what\":\"transitions\","
      "\"expected\":[\"any time  state: firing\"],\"got\":[]}]"))
      << RuleTestJson({*report});
}

}  // namespace
}  // namespace tocsin
