#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "log/partitioner.h"
#include "process/process_fixture.h"

// The stream processor with FLEET_FILE and the `fleet` mapping of a rule file: labels, silence of
// devices and of what stands above them.
namespace tocsin {
namespace {

using test::EventAt;
using test::Field;
using test::kStartUs;
using test::Must;
using test::Pipeline;
using Strings = std::vector<std::string>;

constexpr std::int64_t kSecond = 1'000'000;

// Two gateways of a site. Three cadences of a minute: silent after 180 s.
constexpr std::string_view kTwoGateways =
    "devices:\n"
    "  - {match: \"a.*\", labels: {gateway: ga, site: s}}\n"
    "  - {match: \"b.*\", labels: {gateway: gb, site: s}}\n";

class FleetProcessTest : public testing::Test {
 protected:
  FleetProcessTest()
      : base_(testing::TempDir() + "fleet_process_" +
              testing::UnitTest::GetInstance()->current_test_info()->name()) {
    Configure(settings_);
  }
  ~FleetProcessTest() override {
    std::filesystem::remove(rules_path());
    std::filesystem::remove(fleet_path());
  }
  std::string rules_path() const { return base_ + "_rules.yaml"; }
  std::string fleet_path() const { return base_ + "_fleet.yaml"; }

  static void Configure(Settings& settings) { settings.max_clock_skew_us = 0; }
  void Fleet(std::string_view devices) {
    std::ofstream(fleet_path()) << devices;
    settings_.fleet_file = fleet_path();
  }
  // The `fleet` mapping ("" = none) and the rules of one group.
  void Rules(const std::string& fleet, const std::string& rules = "") {
    std::ofstream file(rules_path());
    if (!fleet.empty()) file << "fleet: " << fleet << "\n";
    file << "groups:\n- name: g\n  rules:\n"
         << (rules.empty() ? "  - alert: never\n    expr: temperature > 1000\n" : rules);
    settings_.rules_file = rules_path();
  }
  std::unique_ptr<Pipeline> Make(std::int32_t partitions = 1) const {
    auto pipeline = std::make_unique<Pipeline>(partitions);
    pipeline->settings = settings_;
    return pipeline;
  }

  struct Reading {
    std::string device;
    std::int64_t seconds;
    double temperature = 20;
  };
  static std::string EventOf(const Reading& reading) {
    return EventAt(reading.device, kStartUs + reading.seconds * kSecond, reading.temperature);
  }
  // In the order of their times, each in the partition of its device.
  static void Append(Pipeline& pipeline, std::vector<Reading> readings,
                     std::int32_t partitions = 1) {
    std::ranges::stable_sort(readings, {}, &Reading::seconds);
    std::map<std::int32_t, Strings> events;
    for (const Reading& reading : readings) {
      events[PartitionOf(reading.device, partitions)].push_back(EventOf(reading));
    }
    for (const auto& [partition, values] : events) pipeline.Append(values, partition);
  }
  // A reading a minute, at seconds `from`, from + 60, … up to `to`.
  static void EveryMinute(std::vector<Reading>& to, const std::string& device, std::int64_t from,
                          std::int64_t until, double temperature = 20) {
    for (std::int64_t t = from; t <= until; t += 60) to.push_back({device, t, temperature});
  }

  // "firing rule name seconds severity cause".
  static Strings Records(Pipeline& pipeline, std::int32_t partitions = 1) {
    Strings all;
    for (const std::string& alert : Whole(pipeline, partitions)) {
      const std::int64_t t = *ParseTime(Field(alert, "timestamp"));
      all.push_back(Field(alert, "state") + " " + Field(alert, "rule") + " " +
                    Field(alert, "device_id") + " " + std::to_string((t - kStartUs) / kSecond) +
                    " " + Field(alert, "severity") + " " + Field(alert, "cause"));
    }
    return all;
  }
  static Strings Whole(Pipeline& pipeline, std::int32_t partitions = 1) {
    Strings all;
    for (std::int32_t p = 0; p < partitions; ++p) {
      const Strings values = pipeline.Values("iot.alerts", p);
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }
  static void Commit(Pipeline& pipeline, ProcessStage& stage, Collector& collector) {
    Must(stage.Flush(collector));
    const auto transaction = Must(pipeline.log->Begin());
    Must(collector.MoveInto(*transaction, "process"));
    Must(transaction->Commit());
  }

  const std::string base_;
  Settings settings_;
};

// --- Labels -------------------------------------------------------------------------------------

TEST_F(FleetProcessTest, LabelsOfTheFleetAreInExpressionsAndRecords) {
  Fleet(
      "devices:\n  - {id: d1, labels: {site: a, floor: \"2\"}}\n  - {id: d2, labels: {site: b}}\n");
  Rules("", "  - alert: hot\n    expr: temperature > 50 and labels.site == \"a\"\n");
  const auto pipeline = Make();
  Append(*pipeline, {{"d1", 0, 60}, {"d2", 1, 60}, {"d3", 2, 60}});
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), Strings{"firing hot d1 0 warning "});
  EXPECT_TRUE(Whole(*pipeline)[0].contains("\"labels\":{\"floor\":\"2\",\"site\":\"a\"}"))
      << Whole(*pipeline)[0];
}

TEST_F(FleetProcessTest, AReloadTakesUpOtherLabels) {
  Fleet("devices:\n  - {id: d, labels: {site: a}}\n");
  Rules("", "  - alert: hot\n    expr: temperature > 50 and labels.site == \"b\"\n");
  const auto pipeline = Make();
  const auto stage = pipeline->MakeStage();
  Append(*pipeline, {{"d", 0, 60}});
  Must(pipeline->Run(*stage));
  EXPECT_EQ(Records(*pipeline), Strings{});
  Fleet("devices:\n  - {id: d, labels: {site: b}}\n");
  ASSERT_TRUE(stage->Reload(settings_));
  Append(*pipeline, {{"d", 1, 60}});
  Must(pipeline->Run(*stage));
  EXPECT_EQ(Records(*pipeline), Strings{"firing hot d 1 warning "});
}

// --- Devices ------------------------------------------------------------------------------------

TEST_F(FleetProcessTest, ASilentDeviceIsAnAlertFromItsDueTimeToItsReturn) {
  Fleet(kTwoGateways);
  Rules("{severity: warning}");
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a2", "b1", "b2"}) EveryMinute(readings, device, 10, 1090);
  EveryMinute(readings, "a1", 0, 300);
  readings.push_back({"a1", 900});
  Append(*pipeline, readings);
  const ProcessCounts counts = pipeline->Run();
  EXPECT_EQ(Records(*pipeline), (Strings{"firing device_silent a1 480 warning silent",
                                         "resolved device_silent a1 900 warning "}));
  EXPECT_EQ(counts.firing, 1u);
  EXPECT_EQ(counts.resolved, 1u);
  EXPECT_EQ(counts.firing_now, 0);
  const Strings whole = Whole(*pipeline);
  EXPECT_EQ(Field(whole[0], "id"), Field(whole[1], "id"));
  EXPECT_EQ(Field(whole[0], "fingerprint"), Field(whole[1], "fingerprint"));
  EXPECT_EQ(Field(whole[0], "status"), "ALERT");
  for (const std::string& record : whole) {
    EXPECT_TRUE(record.contains("\"labels\":{\"gateway\":\"ga\",\"site\":\"s\"}")) << record;
  }
  EXPECT_EQ(*ParseTime(Field(whole[1], "starts_at")), kStartUs + 480 * kSecond);
  EXPECT_EQ(*ParseTime(Field(whole[1], "ends_at")), kStartUs + 900 * kSecond);
}

TEST_F(FleetProcessTest, WithoutTheMappingNobodyIsWatched) {
  Fleet(kTwoGateways);
  Rules("");
  const auto pipeline = Make();
  std::vector<Reading> readings;
  EveryMinute(readings, "b1", 0, 3600);
  EveryMinute(readings, "a1", 0, 300);
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), Strings{});
}

TEST_F(FleetProcessTest, AnExpectedDeviceThatNeverCameIsSilent) {
  Fleet("devices:\n  - {id: here, labels: {}}\n  - {id: never, labels: {site: s}}\n");
  Rules("{silent_after: 5m, expected: file}");
  const auto pipeline = Make();
  std::vector<Reading> readings;
  EveryMinute(readings, "here", 0, 280);
  readings.push_back({"stranger", 20});
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), Strings{});
  // The time of the first start counts, through a restart; a device without an entry does not.
  Append(*pipeline, {{"here", 360}, {"here", 420}});
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), Strings{"firing device_silent never 300 critical silent"});
  Append(*pipeline, {{"never", 480}, {"here", 481}});
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), (Strings{"firing device_silent never 300 critical silent",
                                         "resolved device_silent never 480 critical "}));
}

TEST_F(FleetProcessTest, ExpectedDevicesAreLookedForInThePartitionOfTheirId) {
  std::string devices = "devices:\n";
  for (int i = 0; i < 20; ++i) devices += "  - {id: n" + std::to_string(i) + ", labels: {}}\n";
  Fleet(devices);
  Rules("{silent_after: 5m}");
  const auto pipeline = Make(4);
  std::vector<Reading> readings;
  for (int i = 0; i < 16; ++i) EveryMinute(readings, "live" + std::to_string(i), 0, 600);
  EveryMinute(readings, "n3", 0, 600);
  Append(*pipeline, readings, 4);
  pipeline->Run();
  for (std::int32_t p = 0; p < 4; ++p) {
    Strings silent;
    for (const std::string& alert : pipeline->Values("iot.alerts", p)) {
      EXPECT_EQ(Field(alert, "rule"), "device_silent");
      EXPECT_EQ(Field(alert, "state"), "firing");
      silent.push_back(Field(alert, "device_id"));
      EXPECT_EQ(PartitionOf(silent.back(), 4), p);
    }
    std::ranges::sort(silent);
    EXPECT_EQ(std::ranges::unique(silent).size(), 0u) << "each once";
  }
  EXPECT_EQ(Whole(*pipeline, 4).size(), 19u);
}

// --- Parents ------------------------------------------------------------------------------------

TEST_F(FleetProcessTest, FiveHundredDevicesBehindASilentGatewayAreOneAlertInAnyPartitions) {
  Fleet(kTwoGateways);
  Rules("{parent_severity: warning}");
  for (const std::int32_t partitions : {1, 4}) {
    const auto pipeline = Make(partitions);
    std::vector<Reading> readings;
    for (int i = 0; i < 500; ++i) EveryMinute(readings, "a" + std::to_string(i), i / 10, 300);
    for (int i = 0; i < 40; ++i) EveryMinute(readings, "b" + std::to_string(i), i, 1200);
    for (int i = 0; i < 500; ++i)
      EveryMinute(readings, "a" + std::to_string(i), 900 + i / 10, 1200);
    Append(*pipeline, readings, partitions);
    // Small batches, so that no partition is far ahead of the others.
    pipeline->Run(40);
    const Strings records = Records(*pipeline, partitions);
    ASSERT_EQ(records.size(), 2u) << partitions << " partitions, " << records[0];
    // The last of the devices was heard at 289 s.
    EXPECT_EQ(records[0], "firing gateway_silent ga 480 warning silent") << partitions;
    EXPECT_EQ(records[1], "resolved gateway_silent ga 900 warning ") << partitions;
    const Strings whole = Whole(*pipeline, partitions);
    EXPECT_EQ(Field(whole[0], "id"), Field(whole[1], "id"));
    EXPECT_TRUE(whole[0].contains("\"labels\":{\"gateway\":\"ga\",\"site\":\"s\"}")) << whole[0];
  }
}

TEST_F(FleetProcessTest, ASilentSiteIsOneAlertAndStandsForItsGateways) {
  Fleet(std::string(kTwoGateways) + "  - {match: \"c.*\", labels: {gateway: gc, site: t}}\n");
  Rules("{}");
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2", "b1", "b2"}) EveryMinute(readings, device, 0, 300);
  for (const char* device : {"c1", "c2"}) EveryMinute(readings, device, 5, 1200);
  readings.push_back({"b1", 1000});
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), (Strings{"firing site_silent s 480 critical silent",
                                         "resolved site_silent s 1000 critical "}));
  EXPECT_TRUE(Whole(*pipeline)[0].contains("\"labels\":{\"site\":\"s\"}")) << Whole(*pipeline)[0];
}

// A catch-up: one partition is read to its end before the next one begins.
TEST_F(FleetProcessTest, PartitionsFarApartInTimeMakeNoAlertsOfDevicesThatLive) {
  Fleet(kTwoGateways);
  Rules("{}");
  const auto pipeline = Make(4);
  std::vector<Reading> readings;
  for (int i = 0; i < 100; ++i) {
    EveryMinute(readings, "a" + std::to_string(i), i / 10, i == 7 ? 300 : 1200);
    EveryMinute(readings, "b" + std::to_string(i), i / 10, 1200);
  }
  Append(*pipeline, readings, 4);
  pipeline->Run(10'000);
  EXPECT_EQ(Records(*pipeline, 4), Strings{"firing device_silent a7 480 critical silent"});
}

// Rules that silence itself moves. Alone, each device has its own records.
constexpr const char* kSilenceRules =
    "  - alert: hot\n    expr: temperature > 50\n    no_data: {after: 5m, state: resolve}\n"
    "  - alert: gone\n    expr: absent(4m)\n";

TEST_F(FleetProcessTest, ASilentGatewayFreezesWhatItsDevicesWereIn) {
  Fleet(kTwoGateways);
  Rules("{}", kSilenceRules);
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2"}) EveryMinute(readings, device, 0, 300, 60);
  for (const char* device : {"b1", "b2"}) EveryMinute(readings, device, 10, 1800);
  EveryMinute(readings, "a1", 1200, 1800, 60);  // a1 is as it was
  EveryMinute(readings, "a2", 1230, 1800, 20);  // a2 is not
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), (Strings{"firing hot a1 0 warning ", "firing hot a2 0 warning ",
                                         "firing gateway_silent ga 480 critical silent",
                                         "resolved gateway_silent ga 1200 critical ",
                                         "resolved hot a2 1230 warning "}));
}

TEST_F(FleetProcessTest, WhoDoesNotReturnWithItsGatewayHasItsOwnAlertsThen) {
  Fleet(kTwoGateways);
  Rules("{}", kSilenceRules);
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2"}) EveryMinute(readings, device, 0, 300, 60);
  for (const char* device : {"b1", "b2"}) EveryMinute(readings, device, 10, 1800);
  EveryMinute(readings, "a1", 1200, 1800, 60);
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), (Strings{"firing hot a1 0 warning ", "firing hot a2 0 warning ",
                                         "firing gateway_silent ga 480 critical silent",
                                         "resolved gateway_silent ga 1200 critical ",
                                         "firing device_silent a2 1380 critical silent",
                                         "resolved hot a2 1380 warning no_data",
                                         "firing gone a2 1380 warning absent"}));
}

TEST_F(FleetProcessTest, AChildSilentAloneIsNotFrozen) {
  Fleet(kTwoGateways);
  Rules("{}", kSilenceRules);
  const auto pipeline = Make();
  std::vector<Reading> readings;
  EveryMinute(readings, "a1", 0, 300, 60);
  for (const char* device : {"a2", "a3", "b1", "b2"}) EveryMinute(readings, device, 10, 1200);
  Append(*pipeline, readings);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline),
            (Strings{"firing hot a1 0 warning ", "firing device_silent a1 480 critical silent",
                     "firing gone a1 540 warning absent", "resolved hot a1 600 warning no_data"}));
}

// --- Restart, reload ----------------------------------------------------------------------------

TEST_F(FleetProcessTest, ARestartAfterAnyRecordChangesNoRecord) {
  Fleet(kTwoGateways);
  Rules("{}", kSilenceRules);
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2"}) EveryMinute(readings, device, 0, 180, 60);
  EveryMinute(readings, "b1", 10, 1200);
  EveryMinute(readings, "b2", 20, 300);
  EveryMinute(readings, "b3", 30, 1200);
  EveryMinute(readings, "a1", 780, 1200, 60);
  readings.push_back({"b2", 840});
  std::ranges::stable_sort(readings, {}, &Reading::seconds);
  const auto run = [&](std::size_t cut, std::size_t batch) {
    const auto pipeline = Make();
    const auto at = readings.begin() + static_cast<std::ptrdiff_t>(cut);
    if (cut > 0) {
      Append(*pipeline, {readings.begin(), at});
      pipeline->Run(batch);
    }
    if (at != readings.end()) Append(*pipeline, {at, readings.end()});
    pipeline->Run(batch);
    return Whole(*pipeline);
  };
  const Strings whole = run(0, 10'000);
  EXPECT_GT(whole.size(), 6u);
  for (std::size_t cut = 0; cut <= readings.size(); ++cut) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{10'000}}) {
      EXPECT_EQ(run(cut, batch), whole) << "cut at " << cut << ", batches of " << batch;
    }
  }
}

TEST_F(FleetProcessTest, ARestartInTheSilenceOfAGatewayOfSeveralPartitionsRepeatsNothing) {
  constexpr std::int32_t kPartitions = 4;
  Fleet(kTwoGateways);
  Rules("{}");
  const auto pipeline = Make(kPartitions);
  std::vector<Reading> before, during, after;
  for (int i = 0; i < 40; ++i) {
    const std::string number = std::to_string(i);
    EveryMinute(before, "a" + number, i, 300);
    EveryMinute(before, "b" + number, i, 600);
    EveryMinute(during, "b" + number, 660 + i, 900);
    EveryMinute(after, "b" + number, 960 + i, 1500);
    EveryMinute(after, "a" + number, 1000 + i, 1500);
  }
  Append(*pipeline, before, kPartitions);
  pipeline->Run(20);
  const Strings silent = Records(*pipeline, kPartitions);
  EXPECT_EQ(silent, Strings{"firing gateway_silent ga 480 critical silent"});
  Append(*pipeline, during, kPartitions);
  EXPECT_EQ(pipeline->Run(20).firing_now, 1);
  EXPECT_EQ(Records(*pipeline, kPartitions), silent);
  Append(*pipeline, after, kPartitions);
  EXPECT_EQ(pipeline->Run(20).firing_now, 0);
  const Strings whole = Whole(*pipeline, kPartitions);
  ASSERT_EQ(whole.size(), 2u) << Records(*pipeline, kPartitions)[2];
  EXPECT_EQ(Field(whole[0], "id"), Field(whole[1], "id"));
}

TEST_F(FleetProcessTest, WithoutTheMappingAfterAReloadWhatIsSilentEnds) {
  Fleet(kTwoGateways);
  Rules("{}");
  const auto pipeline = Make();
  const auto stage = pipeline->MakeStage();
  std::vector<Reading> readings;
  for (const char* device : {"a2", "b1", "b2"}) EveryMinute(readings, device, 10, 610);
  EveryMinute(readings, "a1", 0, 300);
  Append(*pipeline, readings);
  Must(pipeline->Run(*stage));
  Rules("");
  ASSERT_TRUE(stage->Reload(settings_));
  Append(*pipeline, {{"b1", 670}});
  Must(pipeline->Run(*stage));
  EXPECT_EQ(Records(*pipeline), (Strings{"firing device_silent a1 480 critical silent",
                                         "resolved device_silent a1 480 critical rule_removed"}));
}

// --- Live ---------------------------------------------------------------------------------------

TEST_F(FleetProcessTest, TheWallClockFindsASilenceOnceALiveRunIsCaughtUp) {
  Fleet(kTwoGateways);
  Rules("{}", kSilenceRules);
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2"}) EveryMinute(readings, device, 0, 300, 60);
  for (const char* device : {"b1", "b2"}) EveryMinute(readings, device, 0, 600);
  Append(*pipeline, readings);
  pipeline->clock.Set(kStartUs + 610 * kSecond);
  const auto stage = pipeline->MakeStage(true);
  Must(pipeline->Run(*stage));
  const Strings one_gateway = {"firing hot a1 0 warning ", "firing hot a2 0 warning ",
                               "firing gateway_silent ga 480 critical silent"};
  EXPECT_EQ(Records(*pipeline), one_gateway);
  const auto tick = [&](std::int64_t seconds, bool caught_up) {
    pipeline->clock.Set(kStartUs + seconds * kSecond);
    Collector collector;
    const auto ticked =
        Must(stage->Tick({.wall_us = pipeline->clock.WallUs(), .caught_up = caught_up}, collector));
    if (ticked.changed) Commit(*pipeline, *stage, collector);
    return ticked.next_us;
  };
  const std::int64_t next_us = tick(620, true);
  EXPECT_GT(next_us, kStartUs + 620 * kSecond);
  EXPECT_LE(next_us, kStartUs + 780 * kSecond) << "b is due";
  tick(3600, false);
  EXPECT_EQ(Records(*pipeline), one_gateway) << "not while there is more to read";
  // Now nobody of the site is heard. Its alert takes the place of those of its gateways.
  tick(3600, true);
  Strings site = one_gateway;
  site.push_back("firing site_silent s 780 critical silent");
  EXPECT_EQ(Records(*pipeline), site);
  tick(7200, true);
  EXPECT_EQ(Records(*pipeline), site);
  // A new process at once sees the same, and does not speak of it again.
  const auto next = pipeline->MakeStage(true);
  Must(pipeline->Run(*next));
  Collector collector;
  const auto ticked =
      Must(next->Tick({.wall_us = kStartUs + 7300 * kSecond, .caught_up = true}, collector));
  Commit(*pipeline, *next, collector);
  EXPECT_EQ(Records(*pipeline), site);
  EXPECT_EQ(ticked.next_us, INT64_MAX);
}

TEST_F(FleetProcessTest, ADeviceThatWentDuringOurOwnOutageIsNoticed) {
  Fleet(kTwoGateways);
  Rules("{}");
  const auto pipeline = Make();
  std::vector<Reading> readings;
  for (const char* device : {"a1", "a2", "b1", "b2"}) EveryMinute(readings, device, 0, 300);
  Append(*pipeline, readings);
  pipeline->Run();
  std::vector<Reading> later;
  for (const char* device : {"a2", "b1", "b2"}) EveryMinute(later, device, 360, 1200);
  Append(*pipeline, later);
  pipeline->Run();
  EXPECT_EQ(Records(*pipeline), Strings{"firing device_silent a1 480 critical silent"});
}

}  // namespace
}  // namespace tocsin
