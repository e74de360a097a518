#include "rule_file/rule_definition.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "rule_file/rule_file_test_support.h"

namespace tocsin {
namespace {

RuleDefinition Rule(const std::string& lines) {
  std::vector<Diagnostic> diagnostics;
  auto file = ParseRuleFile(OneRule(lines), "r", DefaultMetrics(), diagnostics);
  EXPECT_TRUE(file) << file.error().message();
  return std::move(file->rules.at(0));
}

TEST(RuleVersionTest, IsOverTheExpressionAloneWhereARuleHasNothingElse) {
  const RuleDefinition rule = Rule("    expr: ((temperature)>=50.0)\n    severity: warning\n");
  EXPECT_EQ(RuleText(rule), "temperature >= 50");
  // XXH3-64, seed 0, of these 17 bytes.
  EXPECT_EQ(rule.version, "1368def039140500");
}

TEST(RuleVersionTest, ChangesWithEveryKeyOfTheRule) {
  const std::string expr = "    expr: temperature >= 50\n";
  std::set<std::string> versions;
  const char* const kOthers[] = {"",
                                 "    severity: info\n",
                                 "    for: 5m\n",
                                 "    keep_firing_for: 5m\n",
                                 "    clear_expr: temperature < 40\n",
                                 "    no_data: {after: 5m}\n",
                                 "    no_data: {after: 5m, state: resolve}\n",
                                 "    flap: off\n",
                                 "    flap: {max_transitions: 7}\n",
                                 "    labels: {a: b}\n",
                                 "    annotations: {a: b}\n",
                                 "    labels: {a: \"b\\nlabel c: d\"}\n",
                                 "    labels: {a: b, c: d}\n"};
  for (const char* other : kOthers) versions.insert(Rule(expr + other).version);
  versions.insert(Rule("    levels: {critical: temperature >= 50}\n").version);
  versions.insert(Rule("    expr: temperature >= 51\n").version);
  EXPECT_EQ(versions.size(), std::size(kOthers) + 2);
}

TEST(RuleVersionTest, StaysWhenOnlyTheLookOfARuleChanges) {
  EXPECT_EQ(
      Rule("    for: 60s\n    expr: temperature>=50\n").version,
      Rule("    expr: (temperature >= 50)  # hot\n    for: 1m\n    keep_firing_for: 0s\n").version);
}

TEST(SeverityTest, HasThreeNamesInAscendingOrder) {
  EXPECT_EQ(ParseSeverity("critical"), Severity::kCritical);
  EXPECT_EQ(ParseSeverity("page"), std::nullopt);
  EXPECT_EQ(SeverityName(Severity::kInfo), "info");
  EXPECT_LT(Severity::kInfo, Severity::kWarning);
  EXPECT_LT(Severity::kWarning, Severity::kCritical);
}

}  // namespace
}  // namespace tocsin
