#include <gtest/gtest.h>

#include <string>

#include "rule_file/rule_file_test_support.h"
#include "rule_file/yaml_tree.h"

namespace tocsin {
namespace {

constexpr const char* kExpr = "    expr: temperature > 1\n";

TEST(RuleFileMistakeTest, SaysAllMistakesOfAFileAtOnceInTheirOrder) {
  EXPECT_EQ(
      Mistakes("groups:\n"
               "- name: g\n"
               "  rules:\n"
               "  - alert: hot\n"
               "    expr: temprature > 50\n"
               "    fore: 5m\n"
               "  - alert: 9lives\n"
               "    expr: temperature > 50\n"
               "    for: 300\n"
               "grups: []\n"),
      "5:11: unknown metric `temprature`; did you mean `temperature`?\n"
      "6:5: unknown key `fore` in a rule; did you mean `for`?\n"
      "7:12: rule name `9lives` must be 1 to 200 letters, digits and _ : . - and begin with a "
      "letter or _\n"
      "9:10: `for`: duration '300' needs a unit: us, ms, s, m, h, d or w\n"
      "10:1: unknown key `grups` in a rule file; did you mean `groups`?");
}

TEST(RuleFileMistakeTest, RefusesARepeatedKey) {
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + kExpr)), "6:5: `expr` is set twice");
}

TEST(RuleFileMistakeTest, RefusesARepeatedRuleNameAndGroupName) {
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + "  - alert: hot\n" + kExpr + "- name: g\n")),
            "6:12: rule `hot` is already defined at line 4; names are unique\n"
            "8:9: group `g` is already defined at line 2");
}

TEST(RuleFileMistakeTest, RefusesANameWhoseColumnIsTaken) {
  EXPECT_EQ(Mistakes("groups: [{name: g, rules: [{alert: alert, expr: temperature > 1}]}]"),
            "1:36: rule `alert` would take the column is_alert of the batch output, which exists "
            "already; choose another name");
}

TEST(RuleFileMistakeTest, RefusesRecordingRules) {
  EXPECT_EQ(Mistakes("groups: [{name: g, rules: [{record: x, expr: temperature > 1}]}]"),
            "1:29: recording rules (`record`) do not exist here; write its expression into the "
            "rules that use it");
}

TEST(RuleFileMistakeTest, WantsANameAndEitherAnExpressionOrLevels) {
  EXPECT_EQ(Mistakes("groups: [{name: g, rules: [{for: 5m}]}]"),
            "1:28: a rule needs its name in `alert`\n1:28: a rule needs `expr` or `levels`");
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + "    levels: {info: temperature > 0}\n")),
            "6:5: a rule has either `expr` or `levels`, not both");
  EXPECT_EQ(Mistakes(OneRule("    levels: {info: temperature > 0}\n    severity: info\n")),
            "6:5: the severity of a rule with `levels` is its level; leave this out");
  EXPECT_EQ(Mistakes(OneRule("    levels: {page: temperature > 0}\n")),
            "5:14: unknown level `page`; levels are info, warning, critical");
}

TEST(RuleFileMistakeTest, NamesTheAllowedSeverities) {
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + "    severity: page\n")),
            "6:15: `severity` is `page`; it must be info, warning or critical");
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + "    labels: {severity: page}\n")),
            "6:24: labels.severity is `page`; it must be info, warning or critical");
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) +
                             "    severity: info\n    labels: {severity: critical}\n")),
            "7:14: `severity` and labels.severity differ; keep one of them");
}

TEST(RuleFileMistakeTest, ChecksNoDataAndFlap) {
  EXPECT_EQ(
      Mistakes(OneRule(std::string(kExpr) + "    no_data: {state: drop}\n    flap: {windw: 1m, "
                                            "max_transitions: 0}\n")),
      "6:22: `state` is `drop`; it must be alerting, resolve or keep\n"
      "7:12: unknown key `windw` in `flap`; did you mean `window`?\n"
      "7:40: `max_transitions` is `0`; it must be a whole number from 1 to 1000");
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) + "    no_data: {state: resolve}\n    flap: on\n")),
            "6:5: `no_data` needs `after`: how long a device must be silent, such as 10m\n"
            "7:5: `flap` must be off or a mapping such as {window: 15m, max_transitions: 6}");
}

TEST(RuleFileMistakeTest, ChecksLabelsAndAnnotations) {
  EXPECT_EQ(Mistakes(OneRule(std::string(kExpr) +
                             "    labels: {a-b: x, device_id: x, c: '{{x}}', d: [1]}\n"
                             "    annotations: {e: '{{oops', f g: x}\n")),
            "6:14: label name `a-b` must be letters, digits and _ and not begin with a digit\n"
            "6:22: label `device_id` is set by the alert itself; choose another name\n"
            "6:39: label `c` holds `{{`; labels are plain text, annotations are templates\n"
            "6:48: `d` must have a single value\n"
            "7:23: annotation `e`: this `{{` is never closed\n"
            "7:32: annotation name `f g` must be letters, digits and _ and not begin with a digit");
}

TEST(RuleFileMistakeTest, RefusesWhatIsNoRuleFile) {
  EXPECT_NE(Mistakes("").find("a rule file is a mapping with `groups`"), std::string::npos);
  EXPECT_NE(Mistakes("- a").find("a rule file is a mapping with `groups`"), std::string::npos);
  EXPECT_EQ(Mistakes("groups: 5"),
            "1:1: `groups` must be a list of groups, each with a name and rules");
  EXPECT_EQ(
      Mistakes("groups: [5, {rules: []}]"),
      "1:10: a group must be a mapping with `name` and `rules`\n1:13: a group needs a `name`");
  EXPECT_NE(Mistakes("groups: [").find("not YAML: "), std::string::npos);
  EXPECT_EQ(Mistakes("groups: []\n---\ngroups: []\n"),
            "2:1: a second YAML document; only one is read");
  EXPECT_EQ(Mistakes("groups: \xff"), " the file is not text in UTF-8");
}

TEST(RuleFileMistakeTest, RefusesANodeThatHoldsItself) {
  EXPECT_NE(Mistakes("groups: &a [*a]").find("this alias stands inside its own anchor"),
            std::string::npos);
}

TEST(RuleFileLimitTest, TakesTwoHundredFiftySixRulesAndNoMore) {
  std::string text = "groups:\n- name: g\n  rules:\n";
  for (int i = 0; i < 256; ++i) {
    text += "  - {alert: r" + std::to_string(i) + ", expr: temperature > 1}\n";
  }
  EXPECT_EQ(Mistakes(text), "");
  EXPECT_EQ(Mistakes(text + "  - {alert: x, expr: temperature > 1}\n"),
            "260:5: more than 256 rules; at most that many are evaluated");
}

TEST(RuleFileLimitTest, TakesFourMebibytesAndNoMore) {
  std::string text = "groups: []\n#";
  text.append(kMaxRuleFileBytes - text.size(), 'x');
  EXPECT_EQ(Mistakes(text), "");
  EXPECT_NE(Mistakes(text + "x").find("the file has 4194305 bytes; at most 4194304 are read"),
            std::string::npos);
}

TEST(RuleFileLimitTest, DoesNotMultiplyWorkByAliases) {
  std::string text = "a: &a [x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const std::string before(1, static_cast<char>(c - 1));
    text +=
        std::string(1, c) + ": &" + c + " [*" + before + ", *" + before + ", *" + before + "]\n";
  }
  EXPECT_NE(Mistakes(text + "groups: *y\n").find("a group must be a mapping"), std::string::npos);
}

TEST(RuleFileLimitTest, StopsAtAHundredMistakes) {
  std::string text = "groups:\n- name: g\n  rules:\n";
  for (int i = 0; i < 200; ++i) text += "  - {alert: r" + std::to_string(i) + ", expr: x > 1}\n";
  std::vector<Diagnostic> diagnostics;
  EXPECT_FALSE(ParseRuleFile(text, "r", DefaultMetrics(), diagnostics));
  EXPECT_EQ(diagnostics.size(), 100u);
}

TEST(RuleFileLimitTest, RefusesMoreValuesThanAreEverUseful) {
  std::string text = "groups: [";
  for (std::size_t i = 0; i < kMaxYamlNodes; ++i) text += "x,";
  EXPECT_NE(Mistakes(text + "]").find("more than 200000 values"), std::string::npos);
}

TEST(RuleFileLimitTest, RefusesDeepNesting) {
  EXPECT_NE(Mistakes("groups: " + std::string(100'000, '[')).find("not YAML: "), std::string::npos);
}

}  // namespace
}  // namespace tocsin
