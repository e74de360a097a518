#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "process/process_fixture.h"

// The stream processor with rule files: levels, windows, timers, reload, many rules.
namespace tocsin {
namespace {

using test::EventAt;
using test::Field;
using test::kStartUs;
using test::Must;
using test::Pipeline;
using Strings = std::vector<std::string>;

constexpr std::int64_t kSecond = 1'000'000;

class RuleProcessTest : public testing::Test {
 protected:
  RuleProcessTest()
      : path_(testing::TempDir() + "rules_" +
              testing::UnitTest::GetInstance()->current_test_info()->name() + ".yaml") {
    pipeline_.settings.max_clock_skew_us = 0;
  }
  ~RuleProcessTest() override { std::filesystem::remove(path_); }

  void Rules(const std::string& rules) {
    std::ofstream(path_) << "groups:\n- name: g\n  rules:\n" << rules;
    pipeline_.settings.rules_file = path_;
  }
  void Event(const std::string& device, std::int64_t seconds, double temperature) {
    pipeline_.Append({EventAt(device, kStartUs + seconds * kSecond, temperature)});
  }
  // "firing rule device seconds cause", the seconds of the record.
  Strings Records() {
    Strings all;
    for (const std::string& alert : pipeline_.Values("iot.alerts")) {
      const std::int64_t t = *ParseTime(Field(alert, "timestamp"));
      all.push_back(Field(alert, "state") + " " + Field(alert, "rule") + " " +
                    Field(alert, "device_id") + " " + std::to_string((t - kStartUs) / kSecond) +
                    " " + Field(alert, "severity") + " " + Field(alert, "cause"));
    }
    return all;
  }
  // The whole text of the records of one log: what two runs are compared by.
  Strings Whole() { return pipeline_.Values("iot.alerts"); }

  const std::string path_;
  Pipeline pipeline_;
};

TEST_F(RuleProcessTest, ALevelChangeIsARecordOfTheSameEpisode) {
  Rules("  - alert: hot\n    levels: {warning: temperature > 50, critical: temperature > 80}\n");
  Event("d", 0, 60);
  Event("d", 1, 90);
  Event("d", 2, 55);
  Event("d", 3, 20);
  pipeline_.Run();
  EXPECT_EQ(Records(), (Strings{"firing hot d 0 warning ", "firing hot d 1 critical ",
                                "firing hot d 2 warning ", "resolved hot d 3 warning "}));
  const Strings whole = Whole();
  EXPECT_EQ(Field(whole[0], "id"), Field(whole[3], "id"));
  EXPECT_EQ(Field(whole[1], "active_offset"), "0");
}

TEST_F(RuleProcessTest, EveryEventModeWritesTheHighestLevelThatHolds) {
  Rules("  - alert: hot\n    levels: {warning: temperature > 50, critical: temperature > 80}\n");
  pipeline_.settings.alert_mode = AlertMode::kEveryEvent;
  Event("d", 0, 60);
  Event("d", 1, 90);
  Event("d", 2, 20);
  Event("e", 3, 55);
  pipeline_.Run();
  EXPECT_EQ(Records(), (Strings{"firing hot d 0 warning ", "firing hot d 1 critical ",
                                "firing hot e 3 warning "}));
  EXPECT_EQ(Field(Whole()[1], "value"), "90");
}

TEST_F(RuleProcessTest, AbsentFiresAtItsDueTimeByTheTimeOfOtherDevices) {
  Rules("  - alert: gone\n    expr: absent(5m)\n");
  Event("a", 0, 20);
  Event("b", 299, 20);
  pipeline_.Run();
  EXPECT_EQ(Records(), Strings{});
  Event("b", 400, 20);
  Event("a", 500, 20);
  pipeline_.Run();
  EXPECT_EQ(Records(),
            (Strings{"firing gone a 300 warning absent", "resolved gone a 500 warning "}));
  EXPECT_EQ(Field(Whole()[0], "temperature"), "null");
}

TEST_F(RuleProcessTest, TheWallClockCountsOnceALiveRunIsCaughtUp) {
  Rules("  - alert: gone\n    expr: absent(5m)\n    for: 1m\n");
  Event("a", 0, 20);
  const auto stage = pipeline_.MakeStage(true);
  Must(pipeline_.Run(*stage));
  Collector collector;
  auto ticked =
      Must(stage->Tick({.wall_us = kStartUs + 10 * kSecond, .caught_up = true}, collector));
  EXPECT_FALSE(ticked.changed);
  EXPECT_EQ(ticked.next_us, kStartUs + 300 * kSecond);
  ticked = Must(stage->Tick({.wall_us = kStartUs + 900 * kSecond, .caught_up = false}, collector));
  EXPECT_FALSE(ticked.changed) << "not while there is more to read";
  ticked = Must(stage->Tick({.wall_us = kStartUs + 900 * kSecond, .caught_up = true}, collector));
  EXPECT_TRUE(ticked.changed);
  EXPECT_EQ(ticked.next_us, INT64_MAX);
  const auto transaction = Must(pipeline_.log->Begin());
  Must(collector.MoveInto(*transaction, "process"));
  Must(transaction->Commit());
  EXPECT_EQ(Records(), (Strings{"firing gone a 360 warning absent"}));
}

TEST_F(RuleProcessTest, NoDataResolvesOrAlertsAtItsDueTime) {
  Rules(
      "  - alert: hot\n    expr: temperature > 50\n    no_data: {after: 1m, state: resolve}\n"
      "  - alert: cold\n    expr: temperature < 0\n    no_data: {after: 2m, state: alerting}\n"
      "  - alert: kept\n    expr: temperature > 50\n    no_data: {after: 1m, state: keep}\n");
  Event("a", 0, 60);
  Event("b", 500, 20);
  Event("a", 600, 20);
  pipeline_.Run();
  EXPECT_EQ(Records(),
            (Strings{"firing hot a 0 warning ", "firing kept a 0 warning ",
                     "resolved hot a 60 warning no_data", "firing cold a 120 warning no_data",
                     "resolved cold a 600 warning ", "resolved kept a 600 warning "}));
}

TEST_F(RuleProcessTest, MoreThanSixtyFourRulesHaveTheirReasonsAndAlerts) {
  std::string rules;
  for (int i = 0; i < 130; ++i) {
    rules += "  - alert: r" + std::to_string(i) + "\n    expr: temperature > " + std::to_string(i) +
             "\n";
  }
  Rules(rules);
  pipeline_.settings.metrics[0].max = 1000;
  Event("d", 0, 200);
  Event("d", 1, 64.5);
  Event("d", 2, -1);
  const ProcessCounts counts = pipeline_.Run();
  EXPECT_EQ(counts.firing, 130u);
  EXPECT_EQ(counts.resolved, 130u);
  const Strings processed = pipeline_.Values("iot.processed");
  EXPECT_TRUE(Field(processed[0], "reason").ends_with(",r128,r129"));
  EXPECT_TRUE(Field(processed[1], "reason").ends_with(",r63,r64"));
  EXPECT_EQ(Field(processed[2], "is_alert"), "false");
}

TEST_F(RuleProcessTest, OtherRulesAfterARestartKeepTheInstancesOfTheirNames) {
  Rules(
      "  - alert: a\n    expr: temperature > 50\n    labels: {team: x}\n    severity: critical\n"
      "  - alert: b\n    expr: temperature > 50\n");
  Event("d", 0, 60);
  pipeline_.Run();
  Rules(
      "  - alert: c\n    expr: temperature > 100\n"
      "  - alert: b\n    expr: temperature > 55\n");
  Event("d", 1, 60);
  Event("d", 2, 52);
  const ProcessCounts counts = pipeline_.Run();
  EXPECT_EQ(Records(),
            (Strings{"firing a d 0 critical ", "firing b d 0 warning ",
                     "resolved a d 0 critical rule_removed", "resolved b d 2 warning "}));
  EXPECT_EQ(counts.firing_now, 0);
  const Strings whole = Whole();
  EXPECT_EQ(Field(whole[2], "id"), Field(whole[0], "id"));
  EXPECT_NE(whole[2].find("\"labels\":{\"team\":\"x\"}"), std::string::npos) << whole[2];
}

TEST_F(RuleProcessTest, AReloadIsInForceFromTheNextBatchAndABadFileChangesNothing) {
  Rules("  - alert: a\n    expr: avg(temperature, 1m) > 50\n");
  const auto stage = pipeline_.MakeStage();
  Event("d", 0, 60);
  Must(pipeline_.Run(*stage));
  Rules("  - alert: a\n    expr: avgg(temperature, 1m) > 50\n");
  EXPECT_FALSE(stage->Reload(pipeline_.settings));
  EXPECT_EQ(pipeline_.metrics.Get(Metric::kRulesReloadSuccess), 0);
  Rules(
      "  - alert: n\n    expr: temperature > 1000\n"
      "  - alert: a\n    expr: avg(temperature, 1m) > 50\n    severity: critical\n");
  ASSERT_TRUE(stage->Reload(pipeline_.settings));
  EXPECT_EQ(pipeline_.metrics.Get(Metric::kRulesReloadSuccess), 1);
  Event("d", 10, 45);  // the average with the reading before the reload is 52.5
  Event("d", 20, 0);
  Must(pipeline_.Run(*stage));
  EXPECT_EQ(pipeline_.metrics.Get(Metric::kRulesLoaded), 2);
  EXPECT_EQ(Records(), (Strings{"firing a d 0 warning ", "resolved a d 20 critical "}));
}

TEST_F(RuleProcessTest, ARestartAfterAnyRecordChangesNoRecord) {
  const std::string rules =
      "  - alert: avg\n    expr: avg(temperature, 1m) > 50\n    for: 20s\n"
      "    keep_firing_for: 15s\n"
      "  - alert: gone\n    expr: absent(40s)\n    for: 10s\n"
      "  - alert: closed\n    expr: tumbling_max(temperature, 30s) > 60\n"
      "  - alert: quiet\n    expr: temperature > 55\n    no_data: {after: 30s, state: resolve}\n"
      "  - alert: dead\n    expr: temperature > 70\n    no_data: {after: 50s, state: alerting}\n";
  const std::vector<std::pair<int, double>> readings = {
      {0, 60},   {10, 65},  {25, 70},  {40, 20},  {50, 71},  {52, 30},  {200, 61}, {205, 64},
      {204, 90}, {215, 58}, {230, 20}, {260, 20}, {400, 80}, {401, 20}, {500, 20}, {640, 66}};
  const auto run = [&](std::size_t cut, std::size_t batch) {
    Pipeline pipeline;
    pipeline.settings = pipeline_.settings;
    Strings events;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      const std::string device = i % 3 == 2 ? "b" : "a";
      events.push_back(EventAt(device, kStartUs + readings[i].first * kSecond, readings[i].second));
    }
    const auto at = events.begin() + static_cast<std::ptrdiff_t>(cut);
    if (cut > 0) {
      pipeline.Append(Strings(events.begin(), at));
      pipeline.Run(batch);
    }
    if (at != events.end()) pipeline.Append(Strings(at, events.end()));
    pipeline.Run(batch);
    return pipeline.Values("iot.alerts");
  };
  Rules(rules);
  const Strings whole = run(0, 10'000);
  EXPECT_GT(whole.size(), 10u);
  for (std::size_t cut = 0; cut <= readings.size(); ++cut) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{10'000}}) {
      EXPECT_EQ(run(cut, batch), whole) << "cut at " << cut << ", batches of " << batch;
    }
  }
}

TEST_F(RuleProcessTest, AnnotationsAndLabelsAreInTheRecord) {
  Rules(
      "  - alert: hot\n    expr: temperature > 50\n    labels: {team: x}\n"
      "    annotations: {summary: \"{{device_id}} of {{labels.site}} at {{value}}\"}\n");
  const std::string fleet = testing::TempDir() + "fleet_annotations.csv";
  std::ofstream(fleet) << "device_id,site,team\nd,s1,y\n";
  pipeline_.settings.fleet_file = fleet;
  Event("d", 0, 60);
  pipeline_.Run();
  std::filesystem::remove(fleet);
  ASSERT_EQ(Whole().size(), 1u);
  EXPECT_NE(Whole()[0].find("\"labels\":{\"site\":\"s1\",\"team\":\"x\"},"
                            "\"annotations\":{\"summary\":\"d of s1 at 60\"}"),
            std::string::npos)
      << Whole()[0];
}

}  // namespace
}  // namespace tocsin
