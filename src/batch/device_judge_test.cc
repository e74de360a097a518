#include "batch/device_judge.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "batch/batch_test_support.h"
#include "expression/expression.h"

namespace tocsin {
namespace {

RuleDefinition Rule(const std::string& name, const std::string& text) {
  std::vector<Diagnostic> diagnostics;
  RuleDefinition rule;
  rule.name = name;
  rule.levels.push_back({Severity::kWarning, ParseExpression(text, {1, 1}, ValueType::kTruth,
                                                             DefaultMetrics(), diagnostics)});
  EXPECT_TRUE(diagnostics.empty()) << FormatDiagnostics(text, diagnostics);
  return rule;
}

RuleSet WindowRules() {
  std::vector<RuleDefinition> rules;
  rules.push_back(Rule("average", "avg(temperature, 10s) > 25"));
  rules.push_back(Rule("jump", "temperature - lag(temperature) > 10"));
  rules.push_back(Rule("plain", "humidity < 20 and device_id == \"b\""));
  return RuleSet(std::move(rules), DefaultMetrics());
}

struct Event {
  std::string device;
  std::int64_t t_us;
  double temperature;
  double humidity;
};

using Judged = std::vector<std::tuple<std::string, std::int64_t, std::uint64_t>>;

// Each event alone, in the order of the input: what the stream does.
Judged JudgeOneByOne(const RuleSet& rules, const std::vector<Event>& events) {
  RuleMemory memory(rules);
  DeviceDictionary devices;
  std::map<std::string, std::int64_t> clocks;
  Judged judged;
  for (const Event& event : events) {
    EventBatch batch(2);
    const double values[] = {event.temperature, event.humidity};
    batch.AddGood({}, {0, 0}, event.device, event.t_us, {}, values);
    const auto [clock, fresh] = clocks.try_emplace(event.device, event.t_us);
    const std::uint8_t in_order = event.t_us >= clock->second ? 1 : 0;
    clock->second = std::max(clock->second, event.t_us);
    const std::uint32_t row = 0;
    const std::uint32_t code = devices.Encode(event.device);
    const RuleOutcome& outcome = memory.Evaluate(batch, std::span(&row, 1),
                                                 {.device = std::span(&code, 1),
                                                  .time_us = batch.time_us,
                                                  .in_order = std::span(&in_order, 1)});
    judged.emplace_back(event.device, event.t_us, outcome.Row(0)[0]);
  }
  std::ranges::sort(judged);
  return judged;
}

Judged JudgeByDevice(const RuleSet& rules, const std::vector<Event>& events,
                     std::size_t memory_bytes) {
  const RowLayout layout{.metric_count = 2, .condition_words = 1, .has_sequence = true};
  DeviceDictionary devices, statuses;
  const ScratchDirectory scratch;
  RowSorter sorter(layout, devices, 1 << 20, scratch.path());
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::uint64_t* words = sorter.Append();
    SetRowHead(words, events[i].t_us, 0, devices.Encode(events[i].device),
               DeviceDictionary::kUnknown);
    SetRowMetric(words, 0, events[i].temperature);
    SetRowMetric(words, 1, events[i].humidity);
    words[layout.SequenceWord()] = i;
  }
  Judged judged;
  DeviceJudge judge(
      rules, layout, devices, statuses, memory_bytes, scratch.path(), [&](RowView row) -> Status {
        judged.emplace_back(devices.Decode(row.device()), row.time_us(), row.conditions());
        return {};
      });
  const auto rows = sorter.Finish();
  EXPECT_TRUE(rows.has_value());
  while (const std::uint64_t* words = (*rows)->Next()) {
    EXPECT_TRUE(judge.Add(RowView(words)).has_value());
  }
  EXPECT_TRUE(judge.Finish().has_value());
  EXPECT_TRUE(std::ranges::is_sorted(judged));
  return judged;
}

TEST(DeviceJudgeTest, SetsTheConditionsThatTheStreamSetsForAnyOrderAndAnyMemory) {
  const RuleSet rules = WindowRules();
  rc::check("rows in any order", [&] {
    std::vector<Event> events;
    std::set<std::pair<std::string, std::int64_t>> seen;
    std::int64_t now_s = 100;
    for (int i = *rc::gen::inRange(0, 400); i > 0; --i) {
      now_s += *rc::gen::inRange(0, 4);
      const std::int64_t late_s =
          *rc::gen::weightedOneOf<int>({{4, rc::gen::just(0)}, {1, rc::gen::inRange(0, 20)}});
      const std::string device = *rc::gen::element<std::string>("a", "b", "b", "b", "c");
      const std::int64_t t_us = (now_s - late_s) * 1'000'000;
      if (!seen.emplace(device, t_us).second) continue;  // repeats are dropped before
      events.push_back({device, t_us, static_cast<double>(*rc::gen::inRange(0, 50)),
                        static_cast<double>(*rc::gen::inRange(0, 100))});
    }
    const Judged expected = JudgeOneByOne(rules, events);
    RC_ASSERT(JudgeByDevice(rules, events, 1 << 20) == expected);
    RC_ASSERT(JudgeByDevice(rules, events, 1) == expected);
  });
}

TEST(DeviceJudgeTest, ADeviceLargerThanTheMemoryIsJudgedWhole) {
  const RuleSet rules = WindowRules();
  std::vector<Event> events;
  for (int i = 0; i < 30'000; ++i) {
    // Every hundredth row comes fifty rows late.
    const int at = i % 100 == 99 ? i - 50 : i;
    events.push_back({i % 10 == 0 ? "a" : "b", at * 1'000'000LL + (at != i ? 1 : 0),
                      static_cast<double>(i * 7 % 40), static_cast<double>(i % 30)});
  }
  const Judged expected = JudgeOneByOne(rules, events);
  EXPECT_EQ(JudgeByDevice(rules, events, 64 * 1024), expected);
  const auto holds = [](const auto& row) { return std::get<2>(row) != 0; };
  EXPECT_GT(std::ranges::count_if(expected, holds), 100);
}

}  // namespace
}  // namespace tocsin
