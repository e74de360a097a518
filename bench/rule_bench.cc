// The rules alone over parsed batches, one thread: what they add to an event. `per_event` is what
// to read; `bytes` is what the functions remember.

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/random.h"
#include "config/settings.h"
#include "expression/expression.h"
#include "model/event_batch.h"
#include "rule/alert_lifecycle.h"
#include "rule/rule_memory.h"
#include "rule/rule_set.h"

namespace tocsin {
namespace {

constexpr std::size_t kBatchRows = 2'000;
constexpr std::size_t kBatches = 100;
constexpr std::int64_t kStartUs = 1'763'892'930'000'000;

struct Input {
  EventBatch batch{2};
  std::vector<std::uint32_t> batch_rows, device;
  std::vector<std::int64_t> time_us;
  std::vector<std::uint8_t> in_order;
  EventRows rows() const { return {device, time_us, in_order}; }
};

// Devices in turn, `gap_us` between the events of one; every tenth row is a rejected one when
// `with_rejected`, so that the accepted rows must be gathered.
std::vector<Input> MakeInput(std::size_t devices, std::int64_t gap_us, bool with_rejected) {
  SeededRandom random(42);
  std::vector<Input> inputs(kBatches);
  std::size_t event = 0;
  for (Input& input : inputs) {
    while (input.batch_rows.size() < kBatchRows) {
      if (with_rejected && input.batch.size() % 10 == 5) {
        input.batch.AddRejected("", RejectReason::kInvalidJson, "");
        continue;
      }
      const double values[] = {10 + 45 * random.NextDouble(), 10 + 80 * random.NextDouble()};
      const std::int64_t t = kStartUs + static_cast<std::int64_t>(event / devices) * gap_us;
      input.batch_rows.push_back(static_cast<std::uint32_t>(input.batch.size()));
      input.batch.AddGood("", {0, 0}, "device", t, "OK", values);
      input.device.push_back(static_cast<std::uint32_t>(event++ % devices));
      input.time_us.push_back(t);
      input.in_order.push_back(1);
    }
  }
  return inputs;
}

RuleSet RulesOf(const std::vector<std::string>& texts) {
  std::vector<RuleDefinition> rules;
  for (const std::string& text : texts) {
    std::vector<Diagnostic> diagnostics;
    RuleDefinition rule;
    rule.name = "rule_" + std::to_string(rules.size());
    rule.levels.push_back(
        {Severity::kWarning,
         ParseExpression(text, SourcePlace(), ValueType::kTruth, DefaultMetrics(), diagnostics)});
    if (!diagnostics.empty()) std::abort();
    rules.push_back(std::move(rule));
  }
  return RuleSet(std::move(rules), DefaultMetrics());
}

// Passes over the input again and again, each later in time than the one before.
void Evaluate(benchmark::State& state, const RuleSet& rules, std::vector<Input> inputs,
              std::int64_t pass_us) {
  RuleMemory memory(rules);
  std::uint64_t events = 0, conditions = 0;
  std::size_t next = 0;
  for (auto _ : state) {
    Input& input = inputs[next];
    const RuleOutcome& outcome = memory.Evaluate(input.batch, input.batch_rows, input.rows());
    conditions += outcome.conditions[0];
    events += input.batch_rows.size();
    if (rules.stateful()) {
      for (std::int64_t& t : input.time_us) t += pass_us;
    }
    next = (next + 1) % inputs.size();
  }
  benchmark::DoNotOptimize(conditions);
  state.counters["bytes"] = static_cast<double>(memory.bytes());
  state.counters["per_event"] = benchmark::Counter(
      static_cast<double>(events), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void TwoThresholdRules(benchmark::State& state) {
  const RuleSet rules = RuleSet::Defaults(Settings());
  Evaluate(state, rules, MakeInput(1'000, 1'000'000, state.range(0) != 0), 0);
}
BENCHMARK(TwoThresholdRules)->ArgName("rejected")->Arg(0)->Arg(1);

void TenComparisonsAndLogic(benchmark::State& state) {
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) {
    texts.push_back("temperature > " + std::to_string(30 + i) + " and humidity / 2 < " +
                    std::to_string(20 + i) + " or humidity - 5 > 80");
  }
  Evaluate(state, RulesOf(texts), MakeInput(1'000, 1'000'000, false), 0);
}
BENCHMARK(TenComparisonsAndLogic);

// Each device sends every 5 s: 60 readings in a window of 5m. 100 devices are in the caches of the
// CPU, 10,000 are not.
void TenWindowRules(benchmark::State& state) {
  const RuleSet rules = RulesOf({
      "avg(temperature, 5m) > 45",
      "max(temperature, 5m) - min(temperature, 5m) > 44",
      "stddev(temperature, 5m) > 20",
      "avg(humidity, 10m) < 20",
      "count_true(temperature > 50, 5m) >= 20",
      "delta(humidity, 5m) > 70",
      "rate(temperature, 1m) > 2",
      "consecutive(temperature > 45, 3)",
      "changes(humidity, 1m) == 0",
      "sum(humidity, 5m) > 5000 and temperature > 20",
  });
  const auto devices = static_cast<std::size_t>(state.range(0));
  constexpr std::int64_t kGapUs = 5'000'000;
  const auto passes = static_cast<std::int64_t>(kBatches * kBatchRows / devices);
  Evaluate(state, rules, MakeInput(devices, kGapUs, false), passes * kGapUs);
}
BENCHMARK(TenWindowRules)->ArgName("devices")->Arg(100)->Arg(10'000)->MinTime(3);

// One event of each of a million devices: three threshold rules that all fire, and the instances
// that a partition keeps for them, one block a device.
void MillionDevicesWithThreeRules(benchmark::State& state) {
  constexpr std::size_t kDevices = 1'000'000, kRules = 3;
  const RuleSet rules = RulesOf({"temperature > 5", "humidity > 5", "temperature < 100"});
  for (auto _ : state) {
    RuleMemory memory(rules);
    std::vector<AlertInstance> instances(kDevices * kRules);
    std::vector<Input> inputs = MakeInput(kDevices, 1'000'000, false);
    std::uint64_t fired = 0;
    for (std::size_t first = 0; first < kDevices; first += kBatchRows) {
      Input& input = inputs[first / kBatchRows % kBatches];
      const RuleOutcome& outcome = memory.Evaluate(input.batch, input.batch_rows, input.rows());
      for (std::size_t row = 0; row < kBatchRows; ++row) {
        for (std::size_t rule = 0; rule < kRules; ++rule) {
          const Observation observation = {
              .t_us = input.time_us[row],
              .level = static_cast<std::uint8_t>(outcome.Row(row)[0] >> rule & 1)};
          fired += Advance(instances[(first + row) * kRules + rule], {}, observation) ==
                   AlertTransition::kFiring;
        }
      }
    }
    if (fired != kDevices * kRules) state.SkipWithError("an alert did not fire");
    state.counters["bytes"] =
        static_cast<double>(memory.bytes() + instances.size() * sizeof(AlertInstance));
    state.counters["per_event"] = benchmark::Counter(
        static_cast<double>(kDevices),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  }
}
BENCHMARK(MillionDevicesWithThreeRules)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace tocsin

BENCHMARK_MAIN();
