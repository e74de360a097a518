#include "offline/backtest.h"

#include <gtest/gtest.h>

#include <string>

#include "base/time_text.h"
#include "offline/test_support.h"
#include "rule_file/rule_file.h"

namespace tocsin {
namespace {

constexpr std::int64_t kStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z
constexpr std::int64_t kMinute = 60'000'000;

std::string Event(const std::string& device, std::int64_t t_us, double temperature) {
  return "{\"device_id\":\"" + device + "\",\"timestamp\":\"" + FormatTime(t_us) +
         "\",\"temperature\":" + std::to_string(temperature) + ",\"humidity\":50}\n";
}

class BacktestTest : public ::testing::Test {
 protected:
  RuleSet Rules(const std::string& text) {
    std::vector<Diagnostic> diagnostics;
    auto file = ParseRuleFile(text, "rules.yaml", settings_.metrics, diagnostics);
    EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().message());
    return file ? RuleSet(std::move(file->rules), settings_.metrics) : RuleSet();
  }
  BacktestReport Run(const RuleSet& rules, const std::string& events, int threads = 1) {
    options_.inputs = {scratch_.Write("events.jsonl", events)};
    options_.threads = threads;
    auto report = RunBacktest(settings_, rules, options_, nullptr, {});
    EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message());
    return report ? std::move(*report) : BacktestReport();
  }

  OfflineScratch scratch_;
  Settings settings_;
  BacktestOptions options_;
};

constexpr const char* kHot = R"(
groups:
  - name: g
    rules:
      - {alert: hot, expr: temperature >= 50}
)";
constexpr const char* kAll = R"(
groups:
  - name: g
    rules:
      - {alert: hot, expr: temperature >= 50}
      - {alert: warm, expr: "avg(temperature, 5m) > 30", for: 1m}
      - {alert: silent, expr: absent(10m)}
)";

TEST_F(BacktestTest, CountsEpisodesMinutesAndDevices) {
  const std::string events = Event("a", kStartUs, 20) + Event("a", kStartUs + kMinute, 55) +
                             Event("a", kStartUs + 3 * kMinute, 20) + "{broken\n" +
                             Event("b", kStartUs + 4 * kMinute, 60) +
                             Event("a", kStartUs + 10 * kMinute, 20);
  const RuleSet rules = Rules(kHot);
  const BacktestReport report = Run(rules, events);
  EXPECT_EQ(report.read.events, 6U);
  EXPECT_EQ(report.evaluated, 5U);
  EXPECT_EQ(report.first_us, kStartUs);
  EXPECT_EQ(report.last_us, kStartUs + 10 * kMinute);
  ASSERT_EQ(report.rules.size(), 1U);
  EXPECT_EQ(report.rules[0].alerts, 2U);
  EXPECT_EQ(report.rules[0].devices, 2U);
  EXPECT_EQ(report.rules[0].firing_at_end, 1U);
  EXPECT_EQ(report.rules[0].firing_us, 8 * kMinute);  // a: 2, b: 6 to the end of the data
  ASSERT_EQ(report.alerts.size(), 2U);
  EXPECT_EQ(report.alerts[0].device_id, "a");
  EXPECT_EQ(report.alerts[0].value, 55);
}

TEST_F(BacktestTest, AtTheEndOfTheDataTheClockStandsThere) {
  const RuleSet rules = Rules(kAll);
  const BacktestReport report =
      Run(rules, Event("a", kStartUs, 20) + Event("b", kStartUs + 60 * kMinute, 20));
  EXPECT_EQ(report.rules[2].alerts, 1U);
  ASSERT_EQ(report.alerts.size(), 1U);
  EXPECT_EQ(report.alerts[0].starts_at_us, kStartUs + 10 * kMinute);
}

TEST_F(BacktestTest, TheReportIsTheSameForAnyNumberOfThreads) {
  std::string events;
  for (int i = 0; i < 30'000; ++i) {
    const std::string device = "dev_" + std::to_string(i * 7 % 53);
    events += Event(device, kStartUs + i * 1'000'000LL - (i % 40 == 0 ? 90'000'000LL : 0),
                    20 + i * 13 % 37);
  }
  const RuleSet rules = Rules(kAll);
  BacktestReport one = Run(rules, events, 1);
  one.seconds = 0;
  EXPECT_GT(one.rules[0].alerts, 0U);
  EXPECT_GT(one.rules[1].alerts, 0U);
  for (const int threads : {2, 3}) {
    BacktestReport many = Run(rules, events, threads);
    many.seconds = 0;
    EXPECT_EQ(BacktestJson(rules, many), BacktestJson(rules, one));
  }
  const RuleSet hot = Rules(kHot);
  one = Run(hot, events, 1);
  BacktestReport two = Run(hot, events, 2);
  one.seconds = two.seconds = 0;
  EXPECT_EQ(BacktestJson(hot, two), BacktestJson(hot, one));
}

TEST_F(BacktestTest, LabelsGiveScores) {
  const FaultLabels labels({{"a", "spike", "temperature", kStartUs, kStartUs + kMinute},
                            {"b", "stuck", "humidity", kStartUs, kStartUs + kMinute}});
  options_.labels = &labels;
  const RuleSet rules = Rules(kHot);
  const BacktestReport report = Run(rules, Event("a", kStartUs + kMinute / 2, 55) +
                                               Event("b", kStartUs, 20) + Event("c", kStartUs, 70));
  ASSERT_TRUE(report.scores.has_value());
  EXPECT_DOUBLE_EQ(report.scores->overall.Precision(), 0.5);
  EXPECT_DOUBLE_EQ(report.scores->overall.Recall(), 0.5);
  EXPECT_EQ(report.scores->by_fault.at("spike").delay_median_us, kMinute / 2);
  const std::string json = BacktestJson(rules, report);
  EXPECT_TRUE(json.contains("\"precision\":0.5")) << json;
  EXPECT_TRUE(BacktestText(rules, report).contains("fault spike"));
}

TEST_F(BacktestTest, AMissingInputIsNamed) {
  options_.inputs = {"no/such/file.jsonl"};
  const auto report = RunBacktest(settings_, Rules(kHot), options_, nullptr, {});
  ASSERT_FALSE(report.has_value());
  EXPECT_TRUE(report.error().message().contains("no/such/file.jsonl"));
}

// --- Fleet --------------------------------------------------------------------------------------

class FleetBacktestTest : public BacktestTest {
 protected:
  void Fleet(const std::string& devices, bool watch) {
    std::vector<Diagnostic> diagnostics;
    auto parsed = FleetDirectory::Parse(devices, "fleet.yaml", diagnostics);
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
    directory_ = std::move(*parsed);
    options_.directory = directory_.get();
    options_.fleet = watch ? &fleet_ : nullptr;
    options_.fleet_version = "0123456789abcdef";
  }
  RuleSet LabelRules(const std::string& text) {
    std::vector<Diagnostic> diagnostics;
    auto file = ParseRuleFile(text, "rules.yaml", settings_.metrics, diagnostics);
    EXPECT_TRUE(file.has_value()) << (file ? "" : file.error().message());
    return file ? RuleSet(std::move(file->rules), settings_.metrics, directory_.get()) : RuleSet();
  }
  static void EveryMinute(std::string& to, std::int64_t from, std::int64_t until,
                          const std::vector<std::string>& devices) {
    for (std::int64_t minute = from; minute <= until; ++minute) {
      for (const std::string& device : devices) {
        to += Event(device, kStartUs + minute * kMinute, 20);
      }
    }
  }

  std::unique_ptr<FleetDirectory> directory_;
  FleetOptions fleet_;
};

TEST_F(FleetBacktestTest, LabelsAreThoseOfTheFleetFile) {
  Fleet("devices:\n  - {id: a, labels: {site: s}}\n  - {id: b, labels: {site: t}}\n", false);
  const RuleSet rules = LabelRules(
      "groups:\n  - name: g\n    rules:\n"
      "      - {alert: hot, expr: 'temperature >= 50 and labels.site == \"s\"'}\n");
  const BacktestReport report = Run(rules, Event("a", kStartUs, 60) + Event("b", kStartUs, 60));
  ASSERT_EQ(report.alerts.size(), 1U);
  EXPECT_EQ(report.alerts[0].device_id, "a");
  EXPECT_EQ(report.rules.size(), 1U) << "nothing is watched";
}

TEST_F(FleetBacktestTest, SilencesAreRulesOfTheReport) {
  Fleet(
      "devices:\n  - {match: 'a.*', labels: {gateway: ga}}\n  - {match: 'b.*', labels: {gateway: "
      "gb}}\n  - {id: never, labels: {}}\n",
      true);
  fleet_.severity = Severity::kWarning;
  std::string events;
  EveryMinute(events, 0, 5, {"a1", "a2", "a3", "b1", "b2", "b3"});
  EveryMinute(events, 6, 19, {"b2", "b3"});
  EveryMinute(events, 20, 30, {"a1", "a2", "a3", "b2", "b3"});
  const RuleSet rules = LabelRules(kAll);
  const BacktestReport report = Run(rules, events);
  ASSERT_EQ(report.rules.size(), rules.size() + 3);
  const auto& device = report.rules[3];
  const auto& gateway = report.rules[4];
  EXPECT_EQ(report.rules[2].alerts, 1U) << "absent(10m) of b1; the gateway freezes that of a1 …";
  EXPECT_EQ(device.alerts, 2U);
  EXPECT_EQ(device.firing_at_end, 2U);
  EXPECT_EQ(gateway.alerts, 1U);
  EXPECT_EQ(gateway.firing_at_end, 0U);
  EXPECT_EQ(gateway.firing_us, 12 * kMinute);  // due at 8, back at 20
  EXPECT_EQ(report.rules[5].alerts, 0U);
  ASSERT_EQ(report.alerts.size(), 4U);
  EXPECT_EQ(report.alerts[0].device_id, "b1");
  EXPECT_EQ(report.alerts[1].device_id, "ga");
  EXPECT_EQ(report.alerts[2].device_id, "never");
  EXPECT_EQ(report.alerts[2].starts_at_us, kStartUs + 10 * kMinute);
  const std::string json = BacktestJson(rules, report);
  EXPECT_TRUE(
      json.contains("{\"rule\":\"gateway_silent\",\"version\":\"0123456789abcdef\","
                    "\"alerts\":1,"))
      << json;
  EXPECT_TRUE(
      json.contains("{\"rule\":\"device_silent\",\"device_id\":\"b1\",\"severity\":"
                    "\"warning\""))
      << json;
  EXPECT_TRUE(BacktestText(rules, report).contains("Worst devices of gateway_silent"));
}

TEST_F(FleetBacktestTest, WithLivenessTheReportIsTheSameForAnyNumberOfThreads) {
  Fleet("devices:\n  - {match: '.*[02468]', labels: {gateway: even}}\n", true);
  std::string events;
  for (int i = 0; i < 30'000; ++i) {
    const bool outage = i % 10'000 > 7'000;
    const int device = outage ? 2 * (i % 25) + 1 : i * 7 % 53;
    events += Event("dev_" + std::to_string(device), kStartUs + i * 1'000'000LL, 20 + i * 13 % 37);
  }
  const FaultLabels labels({{"dev_1", "offline", "", kStartUs, kStartUs + kMinute}});
  options_.labels = &labels;
  const RuleSet rules = LabelRules(kAll);
  BacktestReport one = Run(rules, events, 1);
  BacktestReport three = Run(rules, events, 3);
  EXPECT_EQ(one.rules[4].alerts, 3U);
  EXPECT_EQ(one.scores->by_rule[4].alerts, 0U) << "a gateway has no labelled faults";
  one.seconds = three.seconds = 0;
  EXPECT_EQ(BacktestJson(rules, three), BacktestJson(rules, one));
}

}  // namespace
}  // namespace tocsin
