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

TEST(RuleCheckTest, AMissingFileIsAConfigurationError) {
  const auto check = CheckRuleFile(Settings(), "no/such.yaml");
  ASSERT_FALSE(check.has_value());
  EXPECT_EQ(check.error().code(), Code::kConfiguration);
  EXPECT_TRUE(check.error().message().contains("no/such.yaml")) << check.error().message();
}

TEST(RuleCheckTest, ADirectoryStandsForTheRuleFilesInIt) {
  const OfflineScratch scratch;
  const std::string b = scratch.Write("b.yml", "groups: []\n");
  const std::string a = scratch.Write("a.yaml", "groups: []\n");
  scratch.Write("notes.txt", "no rules");
  const std::string folder = a.substr(0, a.rfind('/'));
  const auto files = RuleFilesOf({folder, "one.txt"});
  ASSERT_TRUE(files.has_value());
  EXPECT_EQ(*files, (std::vector<std::string>{a, b, "one.txt"}));

  std::filesystem::create_directory(folder + "/empty");
  const auto none = RuleFilesOf({folder + "/empty"});
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), Code::kConfiguration);
  EXPECT_TRUE(none.error().message().contains("has no .yaml or .yml file"));
}

TEST(RuleCheckTest, SeveralFilesAreOneDocument) {
  RuleCheck good{.path = "a.yaml", .rules = {}, .diagnostics = {}};
  RuleCheck bad{.path = "b.yaml", .rules = {}, .diagnostics = {{{2, 3}, "wrong"}}};
  std::vector<RuleCheck> checks;
  checks.push_back(std::move(good));
  checks.push_back(std::move(bad));
  EXPECT_EQ(RuleChecksJson(checks),
            R"({"ok":false,"files":[{"file":"a.yaml","ok":true,"rules":[],"errors":[]},)"
            R"({"file":"b.yaml","ok":false,"rules":[],)"
            R"("errors":[{"line":2,"column":3,"message":"wrong"}]}]})");
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
