#include "fleet/fleet_directory.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

Result<std::unique_ptr<FleetDirectory>> Parse(std::string_view text, const std::string& path,
                                              std::vector<Diagnostic>& diagnostics) {
  return FleetDirectory::Parse(text, path, diagnostics);
}

TEST(FleetDirectoryTest, ADevicesOwnEntryComesBeforeThePatterns) {
  std::vector<Diagnostic> diagnostics;
  const auto fleet = Parse(
      "devices:\n"
      "  - {match: \"plant1-.*\", labels: {site: plant1}}\n"
      "  - {match: \".*-7\", labels: {site: seven}}\n"
      "  - {id: plant1-7, labels: {site: a, gateway: g1}}\n",
      "fleet.yaml", diagnostics);
  ASSERT_TRUE(fleet) << fleet.error().message();
  EXPECT_EQ((*fleet)->Label("plant1-7", "gateway"), "g1");
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ((*fleet)->Label("plant1-8", "site"), "plant1");
    EXPECT_EQ((*fleet)->Label("plant2-7", "site"), "seven");
    EXPECT_EQ((*fleet)->Label("plant1-8x-70", "gateway").data(), nullptr);
    EXPECT_TRUE((*fleet)->LabelsOf("x-plant1-8").empty()) << "anchored at both ends";
  }
  EXPECT_EQ((*fleet)->expected(), std::vector<std::string>{"plant1-7"});
}

TEST(FleetDirectoryTest, ReadsCsvWithQuotesAndEmptyLabels) {
  std::vector<Diagnostic> diagnostics;
  const auto fleet = Parse("device_id,site,gateway\r\nd1,\"a \"\"b\"\", c\",g1\r\n\r\nd2,,g2\r\n",
                           "fleet.csv", diagnostics);
  ASSERT_TRUE(fleet) << fleet.error().message();
  EXPECT_EQ((*fleet)->Label("d1", "site"), "a \"b\", c");
  EXPECT_EQ((*fleet)->Label("d2", "site").data(), nullptr);
  EXPECT_EQ((*fleet)->Label("d2", "gateway"), "g2");
}

TEST(FleetDirectoryTest, AllMistakesOfYamlComeAtOnce) {
  std::vector<Diagnostic> diagnostics;
  const auto fleet = Parse(
      "devices:\n"
      "  - {id: a, lables: {site: x}}\n"
      "  - {match: \"(\"}\n"
      "  - {id: b}\n"
      "  - {id: b}\n"
      "  - {labels: {site: x}}\n",
      "fleet.yaml", diagnostics);
  ASSERT_FALSE(fleet);
  EXPECT_EQ(fleet.error().code(), Code::kConfiguration);
  EXPECT_EQ(diagnostics.size(), 4u);
  EXPECT_NE(fleet.error().message().find("fleet.yaml:2:13: unknown key `lables`"),
            std::string::npos)
      << fleet.error().message();
  EXPECT_NE(fleet.error().message().find("did you mean `labels`"), std::string::npos);
}

TEST(FleetDirectoryTest, AllMistakesOfCsvComeAtOnce) {
  std::vector<Diagnostic> diagnostics;
  EXPECT_FALSE(Parse("device_id,site\nd1\nd2,\"x\n,y\nd3,a,b\n", "fleet.csv", diagnostics));
  EXPECT_EQ(diagnostics.size(), 4u);
  diagnostics.clear();
  EXPECT_FALSE(Parse("id,site\nd1,a\n", "fleet.csv", diagnostics));
  EXPECT_EQ(diagnostics.size(), 1u);
}

TEST(FleetDirectoryTest, AFileThatIsNotThereIsNamed) {
  const auto fleet = FleetDirectory::Open("/does/not/exist.yaml");
  ASSERT_FALSE(fleet);
  EXPECT_NE(fleet.error().message().find("/does/not/exist.yaml"), std::string::npos);
  EXPECT_TRUE(FleetDirectory::Open("")) << "no file: no devices";
}

}  // namespace
}  // namespace tocsin
