// Alertmanager's own tool as the oracle: it must accept the files that are accepted here, and its
// routing of random labels must be the same.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/random.h"
#include "route/example_files_for_test.h"
#include "route/route_config.h"

namespace tocsin {
namespace {

struct Answer {
  int status;
  std::string text;
};

Answer Shell(const std::string& command, const std::string& errors = " 2>/dev/null") {
  std::FILE* pipe = popen((command + errors).c_str(), "r");
  if (pipe == nullptr) return {-1, ""};
  Answer answer{0, ""};
  std::array<char, 4096> buffer;
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    answer.text.append(buffer.data(), size);
  }
  answer.status = pclose(pipe);
  return answer;
}

class AlertmanagerOracleTest : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    if (Shell("command -v amtool").status != 0) {
      GTEST_SKIP() << "amtool (Debian: prometheus-alertmanager) is not installed: the routing was "
                      "NOT compared with Alertmanager's";
    }
    std::string folder = (std::filesystem::temp_directory_path() / "tocsin-routes-XXXXXX").string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    path_ = folder_ + "/alertmanager.yml";
    std::ofstream(path_) << GetParam();
  }
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  std::string folder_;
  std::string path_;
};

std::string Receivers(const RouteConfig& config, const LabelMap& labels) {
  std::string names;
  for (const Route* route : MatchRoutes(config.route, labels)) {
    if (!names.empty()) names += ",";
    names += route->receiver;
  }
  return names + "\n";
}

TEST_P(AlertmanagerOracleTest, BothAcceptTheFileAndRouteAlike) {
  std::vector<Diagnostic> diagnostics;
  const Result<RouteConfig> config = ReadRouteConfig(path_, diagnostics);
  ASSERT_TRUE(config) << config.error().message();
  const Answer checked = Shell("amtool check-config " + path_, " 2>&1");
  ASSERT_EQ(checked.status, 0) << checked.text;

  static const std::vector<std::pair<std::string, std::vector<std::string>>> kLabels = {
      {"severity", {"critical", "warning", "info"}},
      {"site", {"north", "south", "hall-1", "roof-22", "hall-x", "northern"}},
      {"line", {"1", "12", "2"}},
      {"shift", {"a", "b", "c"}},
      {"team", {"lab", "water", "air", "noise"}},
      {"district", {"01", "03", "07", "12", ""}},
      {"device_id", {"pump-1", "pump-x", "fan-9", "probe-1", "valve-33"}},
      {"alertname", {"Ozone", "PM10", "PM2_5", "PM25", "GatewayDown"}},
      {"service", {"foo1", "files", "database", "foo"}},
      {"owner", {"team-X", "team-Y"}},
  };
  SeededRandom random(GetParam().size());
  for (int round = 0; round < 40; ++round) {
    LabelMap labels;
    std::string arguments;
    for (const auto& [name, values] : kLabels) {
      if (random.NextBelow(3) == 0) continue;
      const std::string& value = values[random.NextBelow(values.size())];
      labels[name] = value;
      arguments += " " + name + "='" + value + "'";
    }
    const Answer answer = Shell("amtool config routes test --config.file=" + path_ + arguments);
    ASSERT_EQ(answer.status, 0) << answer.text;
    EXPECT_EQ(Receivers(*config, labels), answer.text) << arguments;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, AlertmanagerOracleTest,
                         testing::Values(kShopFile, kPlantFile, kCityFile));

TEST(AlertmanagerExampleTest, TheFileThatDebianInstallsIsAccepted) {
  const std::string path = "/etc/prometheus/alertmanager.yml";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << " is not there: Debian's example was NOT read";
  }
  std::vector<Diagnostic> diagnostics;
  const Result<RouteConfig> config = ReadRouteConfig(path, diagnostics);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_FALSE(config->receivers.empty());
}

}  // namespace
}  // namespace tocsin
