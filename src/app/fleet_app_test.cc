#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/app.h"
#include "app/exit_code.h"

// Rules with labels of FLEET_FILE: the same flags in the stream, in the batch and in a backtest.
namespace tocsin {
namespace {

class FleetAppTest : public testing::Test {
 protected:
  FleetAppTest() {
    std::string path = testing::TempDir() + "tocsin-fleet-XXXXXX";
    root_ = ::mkdtemp(path.data());
    Write("fleet.csv", "device_id,site,gateway\nd1,a,g\nd2,b,g\n");
    Write("rules.yaml",
          "groups:\n- name: g\n  rules:\n"
          "  - {alert: hot_at_a, expr: 'temperature > 30 and labels.site == \"a\"'}\n");
    std::string events;
    for (const char* device : {"d1", "d2", "d3"}) {
      for (const char* temperature : {"20", "40"}) {
        events += std::string("{\"device_id\":\"") + device +
                  "\",\"timestamp\":\"2025-01-01T00:00:" + temperature +
                  "Z\",\"temperature\":" + temperature + ",\"humidity\":50}\n";
      }
    }
    Write("events.jsonl", events);
  }
  ~FleetAppTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }
  std::string Path(const std::string& name) const { return root_ + "/" + name; }
  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::binary) << text;
  }
  // What the command writes to standard output.
  std::string Run(std::vector<std::string> arguments) {
    for (const std::string& setting :
         {"FLEET_FILE=" + Path("fleet.csv"), "DATA_DIR=" + Path("data"),
          "PROCESSED_DATA_PATH=" + Path("out")}) {
      arguments.push_back("--set");
      arguments.push_back(setting);
    }
    std::vector<const char*> texts = {"tocsin"};
    for (const std::string& argument : arguments) texts.push_back(argument.c_str());
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const int code = RunApp(static_cast<int>(texts.size()), texts.data());
    const std::string out = testing::internal::GetCapturedStdout();
    const std::string err = testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, kExitOk) << arguments[0] << ": " << err;
    return out;
  }
  // Lines of the CSV files of a folder that have the text.
  static std::vector<std::string> LinesWith(const std::string& folder, std::string_view text) {
    std::vector<std::string> lines;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (!file.path().filename().string().contains("cleansed")) continue;
      std::ifstream in(file.path());
      for (std::string line; std::getline(in, line);) {
        if (line.contains(text)) lines.push_back(line);
      }
    }
    return lines;
  }

  std::string root_;
};

TEST_F(FleetAppTest, TheBatchAndTheBacktestKnowTheLabels) {
  Run({"batch", "--input", Path("events.jsonl"), "--output-format", "csv", "--rules",
       Path("rules.yaml")});
  const std::vector<std::string> flagged = LinesWith(Path("out"), "true");
  ASSERT_EQ(flagged.size(), 1U) << testing::PrintToString(flagged);
  EXPECT_TRUE(flagged[0].contains("d1")) << flagged[0];
  EXPECT_TRUE(flagged[0].contains("00:00:40")) << flagged[0];

  const std::string report =
      Run({"rules", "backtest", Path("rules.yaml"), "--input", Path("events.jsonl"), "--json"});
  EXPECT_TRUE(report.contains("\"list\":[{\"rule\":\"hot_at_a\",\"device_id\":\"d1\"")) << report;
  EXPECT_TRUE(report.contains("\"evaluated\":6")) << report;
  EXPECT_TRUE(report.contains("\"alerts\":1,\"rules\"")) << report;
}

TEST_F(FleetAppTest, TheBatchTellsDevicesApartByTheirIds) {
  Write("rules.yaml",
        "groups:\n- name: g\n  rules:\n  - {alert: hot, expr: 'temperature > 30 and device_id != "
        "\"d1\"'}\n");
  Run({"batch", "--input", Path("events.jsonl"), "--output-format", "csv", "--rules",
       Path("rules.yaml")});
  const std::vector<std::string> flagged = LinesWith(Path("out"), "true");
  ASSERT_EQ(flagged.size(), 2U) << testing::PrintToString(flagged);
  EXPECT_TRUE(flagged[0].contains("d2")) << flagged[0];
  EXPECT_TRUE(flagged[1].contains("d3")) << flagged[1];
}

TEST_F(FleetAppTest, ABacktestWithTheMappingWatchesTheFleet) {
  Write("rules.yaml",
        "fleet: {silent_after: 10s, levels: [gateway]}\ngroups:\n- name: g\n  rules:\n"
        "  - {alert: hot, expr: temperature > 100}\n");
  const std::string report =
      Run({"rules", "backtest", Path("rules.yaml"), "--input", Path("events.jsonl"), "--json"});
  EXPECT_TRUE(report.contains("{\"rule\":\"device_silent\"")) << report;
  EXPECT_TRUE(report.contains("{\"rule\":\"gateway_silent\"")) << report;
}

}  // namespace
}  // namespace tocsin
