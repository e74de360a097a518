#include "fleet/rules_with_fleet.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tocsin {
namespace {

class RulesWithFleetTest : public testing::Test {
 protected:
  RulesWithFleetTest()
      : path_(testing::TempDir() + "rules_with_fleet_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml") {}
  ~RulesWithFleetTest() override { std::filesystem::remove(path_); }

  Result<RulesWithFleet> Read(const std::string& text) {
    std::ofstream(path_) << text;
    return ReadRulesWithFleet(path_, Settings().metrics, diagnostics_);
  }

  const std::string path_;
  std::vector<Diagnostic> diagnostics_;
};

TEST_F(RulesWithFleetTest, MistakesOfTheRulesHideNoneOfTheFleet) {
  const auto read = Read(
      "groups:\n"
      "- name: g\n"
      "  rules:\n"
      "  - {alert: hot, expr: temprature > 50}\n"
      "  - {alert: device_silent, expr: temperature > 50}\n"
      "fleet:\n"
      "  silent_after: soon\n"
      "  expected: file\n"
      "  levles: [site]\n");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kConfiguration);
  ASSERT_EQ(diagnostics_.size(), 3u) << read.error().message();
  EXPECT_EQ(diagnostics_[0].place.line, 4u);
  EXPECT_EQ(diagnostics_[1].place, (SourcePlace{7, 17}));
  EXPECT_EQ(diagnostics_[2].place, (SourcePlace{9, 3}));
  EXPECT_NE(read.error().message().find(path_ + ":9:3: unknown key `levles`"), std::string::npos)
      << read.error().message();
}

TEST_F(RulesWithFleetTest, NamesOfTheFleetsAlertsAreRefusedBesideOtherMistakes) {
  const auto read = Read(
      "fleet: {levels: [site]}\n"
      "groups:\n"
      "- name: g\n"
      "  rules:\n"
      "  - {alert: site_silent, expr: temperature > 50}\n"
      "  - {alert: hot, expr: temprature > 50}\n");
  ASSERT_FALSE(read);
  ASSERT_EQ(diagnostics_.size(), 2u) << read.error().message();
  EXPECT_NE(diagnostics_[0].message.find("site_silent"), std::string::npos);
  EXPECT_EQ(diagnostics_[1].place.line, 6u);
}

TEST_F(RulesWithFleetTest, ARepeatedKeyOfTheFleetIsToldOnce) {
  ASSERT_FALSE(Read("fleet:\n  min_silent: 1m\n  min_silent: 2m\n"));
  EXPECT_EQ(diagnostics_.size(), 1u);
}

TEST_F(RulesWithFleetTest, ARightFileHasBoth) {
  const auto read = Read(
      "fleet: {silent_after: 5m}\n"
      "groups: [{name: g, rules: [{alert: hot, expr: temperature > 50}]}]\n");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->rules.size(), 1u);
  ASSERT_TRUE(read->fleet);
  EXPECT_EQ(read->fleet->fixed_us, 300'000'000);
}

TEST_F(RulesWithFleetTest, AFileThatCannotBeReadIsAConfigurationErrorThatNamesIt) {
  for (const std::string& path : {path_ + ".missing", testing::TempDir()}) {
    const auto read = ReadRulesWithFleet(path, Settings().metrics, diagnostics_);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Code::kConfiguration);
    EXPECT_NE(read.error().message().find(path), std::string::npos) << read.error().message();
    EXPECT_TRUE(diagnostics_.empty());
  }
}

}  // namespace
}  // namespace tocsin
