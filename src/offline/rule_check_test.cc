#include "offline/rule_check.h"

#include <gtest/gtest.h>

#include "offline/test_support.h"

namespace tocsin {
namespace {

TEST(RuleCheckTest, TellsWhatARuleNeedsToRemember) {
  const OfflineScratch scratch;
  const std::string path = scratch.Write("rules.yaml", R"y(
groups:
  - name: g
    rules:
      - {alert: hot, expr: temperature >= 50}
      - {alert: warm, expr: "avg(temperature, 5m) > 30 or absent(1h)", for: 1m, severity: critical
}
)y");
  const auto check = CheckRuleFile(Settings(), path);
  ASSERT_TRUE(check.has_value());
  ASSERT_TRUE(check->ok()) << RuleCheckText(*check);
  const std::string json = RuleCheckJson(*check);
  EXPECT_TRUE(json.starts_with("{\"ok\":true,\"rules\":[{\"rule\":\"hot\",\"group\":\"g\""))
      << json;
  EXPECT_TRUE(json.contains("\"state\":[],\"time_driven\":false")) << json;
  EXPECT_TRUE(json.contains("{\"call\":\"avg(temperature, 5m)\",\"window\":\"5m\"}")) << json;
  EXPECT_TRUE(json.contains("\"severity\":\"critical\"")) << json;
  EXPECT_TRUE(json.contains("\"time_driven\":true")) << json;
  EXPECT_TRUE(RuleCheckText(*check).contains("2 rules, no mistake"));
}

TEST(RuleCheckTest, TellsEveryMistakeWithItsPlace) {
  const OfflineScratch scratch;
  const std::string path = scratch.Write("rules.yaml", R"y(groups:
  - name: g
    rules:
      - {alert: a, expr: temprature >= 50}
      - {alert: b, expr: "avgg(humidity, 5m) > 1"}
)y");
  const auto check = CheckRuleFile(Settings(), path);
  ASSERT_TRUE(check.has_value());
  EXPECT_FALSE(check->ok());
  ASSERT_EQ(check->diagnostics.size(), 2U);
  EXPECT_EQ(check->diagnostics[0].place.line, 4U);
  EXPECT_EQ(check->diagnostics[1].place.line, 5U);
  EXPECT_TRUE(RuleCheckText(*check).contains(path + ":4:"));
  EXPECT_TRUE(
      RuleCheckJson(*check).starts_with("{\"ok\":false,\"rules\":[],\"errors\":[{\"line\":4"));
}

TEST(RuleCheckTest, AMissingFileIsAnError) {
  EXPECT_FALSE(CheckRuleFile(Settings(), "no/such.yaml").has_value());
}

TEST(RuleCheckTest, ChecksTheFleetToo) {
  const OfflineScratch scratch;
  const auto mistakes = [&](const std::string& fleet, const std::string& rule) {
    const std::string path = scratch.Write(
        "rules.yaml", "fleet: " + fleet + "\ngroups:\n  - name: g\n    rules:\n      - {alert: " +
                          rule + ", expr: temperature >= 50}\n");
    const auto check = CheckRuleFile(Settings(), path);
    EXPECT_TRUE(check.has_value());
    return check ? RuleCheckText(*check) : "";
  };
  EXPECT_TRUE(mistakes("{silent_after: 5m}", "hot").contains("1 rule, no mistake"));
  EXPECT_TRUE(mistakes("{silent_aftr: 5m}", "hot").contains("did you mean `silent_after`?"));
  EXPECT_TRUE(mistakes("{}", "device_silent").contains("is the name of the alerts"));
}

}  // namespace
}  // namespace tocsin
