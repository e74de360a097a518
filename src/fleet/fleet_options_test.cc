#include "fleet/fleet_options.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr std::int64_t kSecond = 1'000'000;

TEST(FleetOptionsTest, TakesEveryKey) {
  std::vector<Diagnostic> diagnostics;
  const auto options = ParseFleetOptions(
      "silent_after: 4x\nmin_silent: 2m\nexpected: file\nlevels: [rack]\nseverity: warning\n"
      "parent_severity: critical\n",
      "rules.yaml", {1, 1}, diagnostics);
  ASSERT_TRUE(options) << options.error().message();
  EXPECT_EQ(options->cadences, 4);
  EXPECT_EQ(options->min_silent_us, 120 * kSecond);
  EXPECT_TRUE(options->expected_only);
  EXPECT_EQ(options->levels, std::vector<std::string>{"rack"});
  EXPECT_EQ(options->severity, Severity::kWarning);
  EXPECT_EQ(options->parent_severity, Severity::kCritical);
}

TEST(FleetOptionsTest, ADeviceMayBeQuietForThreeCadencesButAtLeastTheMinimum) {
  const FleetOptions options;
  EXPECT_EQ(options.SilentAfterUs(10e6F), 60 * kSecond);
  EXPECT_EQ(options.SilentAfterUs(0), 600 * kSecond);
  EXPECT_EQ(options.SilentAfterUs(100e6F), 300 * kSecond);
  FleetOptions fixed;
  fixed.cadences = 0;
  fixed.fixed_us = 5 * kSecond;
  EXPECT_EQ(fixed.SilentAfterUs(100e6F), 5 * kSecond);
}

TEST(FleetOptionsTest, AllMistakesComeAtOnceWithTheirPlaces) {
  std::vector<Diagnostic> diagnostics;
  const auto options =
      ParseFleetOptions("  silent_afer: 3x\n  min_silent: soon\n  levels: site\n  severity: bad\n",
                        "rules.yaml", {7, 1}, diagnostics);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().code(), Code::kConfiguration);
  ASSERT_EQ(diagnostics.size(), 4u);
  EXPECT_EQ(diagnostics[0].place, (SourcePlace{7, 3}));
  EXPECT_NE(diagnostics[0].message.find("did you mean `silent_after`"), std::string::npos);
  EXPECT_EQ(diagnostics[1].place.line, 8u);
  EXPECT_NE(options.error().message().find("rules.yaml:10:"), std::string::npos);
}

TEST(FleetOptionsTest, ARuleMayNotHaveTheNameOfASilence) {
  FleetOptions options;
  options.levels = {"rack"};
  std::vector<RuleDefinition> rules(3);
  rules[0].name = "device_silent";
  rules[0].place = {4, 5};
  rules[1].name = "gateway_silent";  // no level of these options
  rules[2].name = "rack_silent";
  std::vector<Diagnostic> diagnostics;
  const Status checked = CheckRuleNames(options, rules, "rules.yaml", diagnostics);
  ASSERT_FALSE(checked);
  EXPECT_EQ(diagnostics.size(), 2u);
  EXPECT_TRUE(checked.error().message().contains("rules.yaml:4:5: `device_silent`"))
      << checked.error().message();
  rules[0].name = rules[2].name = "a";
  EXPECT_TRUE(CheckRuleNames(options, rules, "rules.yaml", diagnostics));
}

}  // namespace
}  // namespace tocsin
