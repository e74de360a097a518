#include "rule_file/rule_file.h"

#include <gtest/gtest.h>

#include <string>

#include "rule_file/rule_file_test_support.h"

namespace tocsin {
namespace {

RuleFile Load(const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  auto file = ParseRuleFile(text, "rules.yaml", DefaultMetrics(), diagnostics);
  EXPECT_TRUE(file) << file.error().message();
  return file ? std::move(*file) : RuleFile();
}

TEST(RuleFileTest, ReadsEveryKeyOfARule) {
  const RuleFile file = Load(R"(
groups:
- name: plant
  interval: 30s
  rules:
  - alert: hot
    levels: {critical: temperature >= 70, warning: temperature >= 50}
    clear_expr: temperature < 45
    for: 5m
    keep_firing_for: 1h30m
    no_data: {after: 10m, state: resolve}
    flap: {window: 1h, max_transitions: 3}
    labels: {team: ops, floor: 3}
    annotations:
      summary: "{{device_id}} is at {{temperature}}"
  - alert: dry
    expr: humidity <= 25
    severity: info
    flap: off
)");
  ASSERT_EQ(file.rules.size(), 2u);
  const RuleDefinition& hot = file.rules[0];
  EXPECT_EQ(hot.group, "plant");
  EXPECT_EQ(hot.name, "hot");
  EXPECT_EQ(hot.flag_column, "is_hot");
  EXPECT_EQ(hot.place, (SourcePlace{6, 5}));
  ASSERT_EQ(hot.levels.size(), 2u);
  EXPECT_EQ(hot.levels[0].severity, Severity::kWarning);
  EXPECT_EQ(CanonicalText(*hot.levels[0].condition), "temperature >= 50");
  EXPECT_EQ(hot.levels[1].severity, Severity::kCritical);
  EXPECT_EQ(CanonicalText(*hot.clear), "temperature < 45");
  EXPECT_EQ(hot.for_us, 300'000'000);
  EXPECT_EQ(hot.keep_firing_for_us, 5'400'000'000);
  EXPECT_EQ(hot.no_data, (NoData{600'000'000, NoData::State::kResolve}));
  EXPECT_EQ(hot.flap, (FlapGuard{3'600'000'000, 3}));
  EXPECT_EQ(hot.labels, (std::map<std::string, std::string>{{"floor", "3"}, {"team", "ops"}}));
  EXPECT_EQ(hot.annotations.at("summary"), "{{device_id}} is at {{temperature}}");
  const RuleDefinition& dry = file.rules[1];
  EXPECT_EQ(dry.levels.at(0).severity, Severity::kInfo);
  EXPECT_EQ(dry.flap, (FlapGuard{0, 0}));
  EXPECT_EQ(dry.clear, nullptr);
}

TEST(RuleFileTest, GivesARuleWithoutOtherKeysTheDefaults) {
  const RuleFile file = Load(OneRule("    expr: temperature >= 50\n"));
  ASSERT_EQ(file.rules.size(), 1u);
  EXPECT_EQ(file.rules[0].levels[0].severity, Severity::kWarning);
  EXPECT_EQ(file.rules[0].for_us, 0);
  EXPECT_EQ(file.rules[0].flap, FlapGuard());
  EXPECT_EQ(file.rules[0].no_data, NoData());
}

TEST(RuleFileTest, TakesTheSeverityFromLabelsAsPrometheusUsersWriteIt) {
  const RuleFile file =
      Load(OneRule("    expr: temperature >= 50\n    labels: {severity: critical, team: a}\n"
                   "    annotations: {text: '{{ $labels.site }}: {{ $value }}'}\n"));
  ASSERT_EQ(file.rules.size(), 1u);
  EXPECT_EQ(file.rules[0].levels[0].severity, Severity::kCritical);
  EXPECT_EQ(file.rules[0].labels.size(), 1u);
}

TEST(RuleFileTest, FollowsAnchors) {
  const RuleFile file = Load(
      "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: temperature > 1\n    labels: &l {x: "
      "y}\n"
      "  - alert: b\n    expr: temperature > 2\n    labels: *l\n");
  ASSERT_EQ(file.rules.size(), 2u);
  EXPECT_EQ(file.rules[1].labels.at("x"), "y");
}

TEST(RuleFileTest, KeepsTheTextOfTheFleetAtItsPlaces) {
  const RuleFile block =
      Load("# top\nfleet:\n  # about\n  expected: [a, b]\n  children:\n    x: 1\n\ngroups: []\n");
  EXPECT_EQ(block.fleet_yaml, "  expected: [a, b]\n  children:\n    x: 1\n\n");
  EXPECT_EQ(block.fleet_place, (SourcePlace{4, 1}));
  EXPECT_EQ(Load("groups: []\nfleet: {a: 1}\n").fleet_yaml, "       {a: 1}\n");
  EXPECT_EQ(Load(R"({"fleet": {"a": {"b": 1}}, "groups": []})").fleet_yaml,
            "          {\"a\": {\"b\": 1}}");
  EXPECT_EQ(Load(R"({"groups": [], "fleet": {"a": {"b": 1}}})").fleet_yaml,
            "                        {\"a\": {\"b\": 1}}");
  EXPECT_EQ(Load("groups: []\n").fleet_yaml, "");
}

TEST(RuleFileTest, TakesAByteOrderMarkAndWindowsLineEnds) {
  const RuleFile file = Load(
      "\xEF\xBB\xBFgroups:\r\n- name: g\r\n  rules:\r\n  - alert: hot\r\n    expr: temperature > "
      "1\r\n");
  EXPECT_EQ(file.rules.size(), 1u);
}

TEST(RuleFileTest, SaysWhichFileCannotBeRead) {
  std::vector<Diagnostic> diagnostics;
  const auto file = ReadRuleFile("/nonexistent/rules.yaml", DefaultMetrics(), diagnostics);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().message().find("/nonexistent/rules.yaml"), std::string::npos);
}

TEST(RulePlaceTest, PointsIntoPlainAndQuotedScalars) {
  EXPECT_EQ(Mistakes(OneRule("    expr: temperature > 1 and hum > 2\n")).substr(0, 6), "5:31: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: 'status == ''a'' and tempr > 2'\n")).substr(0, 6),
            "5:32: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: \"status == \\\"a\\\" and tempr > 2\"\n")).substr(0, 6),
            "5:32: ");
  EXPECT_EQ(
      Mistakes(OneRule("    expr: \"status == '\\u00fc\\x41' and tempr > 2\"\n")).substr(0, 6),
      "5:39: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: !!str &x tempr > 1\n")).substr(0, 6), "5:20: ");
}

TEST(RulePlaceTest, PointsIntoScalarsOfSeveralLines) {
  EXPECT_EQ(
      Mistakes(OneRule("    expr: |\n      temperature > 1\n        and tempr > 2\n")).substr(0, 6),
      "7:13: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: >-  # why\n      temperature > 1\n      and tempr > 2\n"))
                .substr(0, 6),
            "7:11: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: temperature > 1\n      and tempr > 2\n")).substr(0, 6),
            "6:11: ");
  EXPECT_EQ(Mistakes(OneRule("    expr: \"temperature > 1\n\n      and tempr \\\n      > 'x'\"\n"))
                .substr(0, 6),
            "7:11: ");
}

TEST(RulePlaceTest, PointsIntoAnnotations) {
  EXPECT_EQ(Mistakes(OneRule("    expr: temperature > 1\n    annotations:\n"
                             "      text: It is {{temprature}} now\n")),
            "7:19: annotation `text`: unknown field `temprature` in an annotation; did you mean "
            "`temperature`?");
}

}  // namespace
}  // namespace tocsin
