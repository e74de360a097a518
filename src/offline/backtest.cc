#include "offline/backtest.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "batch/open_input.h"
#include "fleet/fleet_liveness.h"
#include "process/partition_engine.h"

namespace tocsin {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// The engine of one partition and what came of it. Aligned so that two threads' counters do not
// share a cache line.
struct alignas(128) Partition {
  Partition(const RuleSet& rules, const PartitionEngine::Options& engine_options,
            const BacktestOptions& options, FleetPartition* fleet, std::size_t fleet_levels)
      : engine(rules, engine_options, fleet),
        alerts(rules.size(), options.list_alerts, options.labels, options.grace_us, fleet_levels) {
    if (fleet == nullptr) return;
    for (const std::string& device_id : options.directory->expected()) {
      const std::uint32_t code = engine.state().Code(device_id);
      fleet->Expect(code, engine.state().DeviceId(code));
    }
  }

  void Consume(const EventBatch& events, std::span<const std::int64_t> sequence) {
    engine.Process(events, kNever, sequence, alerts);
    const auto verdicts = engine.verdicts();
    for (std::size_t row = 0; row < events.size(); ++row) {
      switch (verdicts[row]) {
        case RowVerdict::kAccepted:
          ++evaluated;
          first_us = std::min(first_us, events.time_us[row]);
          last_us = std::max(last_us, events.time_us[row]);
          break;
        case RowVerdict::kLate:
          ++late;
          break;
        case RowVerdict::kDuplicate:
          ++duplicates;
          break;
        default:
          break;
      }
    }
    engine.AdvanceTime(last_us, alerts);
  }

  PartitionEngine engine;
  AlertStatistics alerts;
  std::uint64_t evaluated = 0;
  std::uint64_t late = 0;
  std::uint64_t duplicates = 0;
  std::int64_t first_us = kNever;
  std::int64_t last_us = std::numeric_limits<std::int64_t>::min();
};

// Partition time matters to time-driven rules only; without them the devices may be spread as
// suits the threads.
int PartitionCountFor(const Settings& settings, const RuleSet& rules, bool fleet, int threads) {
  if (fleet) return 1;
  if (rules.time_driven()) return static_cast<int>(settings.topic_partitions);
  return threads == 1 ? 1 : 4 * threads;
}

// What the silence of devices and of each level above them is called.
std::vector<RuleDefinition> FleetRules(const BacktestOptions& options) {
  std::vector<RuleDefinition> rules;
  if (options.fleet == nullptr) return rules;
  for (std::size_t level = 0; level <= options.fleet->levels.size(); ++level) {
    RuleDefinition& rule = rules.emplace_back();
    rule.name = SilenceRuleName(*options.fleet, level);
    rule.levels.push_back(
        {.severity = level == 0 ? options.fleet->severity : options.fleet->parent_severity,
         .condition = nullptr});
    rule.version = options.fleet_version;
  }
  return rules;
}

}  // namespace

Result<BacktestReport> RunBacktest(const Settings& settings, const RuleSet& rules,
                                   const BacktestOptions& options, Log* log, std::stop_token stop) {
  const SystemClock clock;
  const std::int64_t begin_us = clock.SteadyUs();
  TOCSIN_ASSIGN(std::vector<BatchInput> inputs, ExpandInputs(options.inputs, ""));
  InputSequence source(settings, std::move(inputs), log);

  const PartitionEngine::Options engine_options = {
      .allowed_lateness_us = settings.allowed_lateness_us,
      .dedup_window_us = settings.dedup_window_us,
      .lifecycle = true};
  PartitionedReaderOptions reading;
  reading.threads = std::max(options.threads, 1);
  reading.partitions =
      PartitionCountFor(settings, rules, options.fleet != nullptr, reading.threads);
  reading.as_in_log = rules.time_driven();
  if (options.progress) {
    reading.progress = [&](std::uint64_t events, std::uint64_t bytes_done) {
      options.progress(events, bytes_done, source.bytes_all());
    };
  }
  BacktestReport report;
  report.fleet_rules = FleetRules(options);
  std::optional<FleetLiveness> fleet;
  if (options.fleet != nullptr) fleet.emplace(*options.directory, options.fleet);
  std::vector<std::unique_ptr<Partition>> partitions;
  for (int p = 0; p < reading.partitions; ++p) {
    partitions.push_back(std::make_unique<Partition>(rules, engine_options, options,
                                                     fleet ? &fleet->Add(p) : nullptr,
                                                     report.fleet_rules.size()));
  }
  TOCSIN_ASSIGN(report.read,
                ReadPartitioned(
                    settings, source, reading,
                    [&](int p, const EventBatch& events, std::span<const std::int64_t> sequence) {
                      partitions[static_cast<std::size_t>(p)]->Consume(events, sequence);
                    },
                    std::move(stop)));

  report.first_us = kNever;
  report.last_us = std::numeric_limits<std::int64_t>::min();
  for (const auto& partition : partitions) {
    report.evaluated += partition->evaluated;
    report.late += partition->late;
    report.duplicates += partition->duplicates;
    report.first_us = std::min(report.first_us, partition->first_us);
    report.last_us = std::max(report.last_us, partition->last_us);
  }
  const bool empty = report.evaluated == 0;
  for (const auto& partition : partitions) {
    if (partition->evaluated > 0) partition->engine.AdvanceTime(report.last_us, partition->alerts);
    partition->alerts.Finish(report.last_us);
  }
  if (empty) report.first_us = report.last_us = 0;
  AlertStatistics& all = partitions.front()->alerts;
  for (std::size_t p = 1; p < partitions.size(); ++p) all.Merge(partitions[p]->alerts);
  const std::size_t rows = rules.size() + report.fleet_rules.size();
  for (std::size_t r = 0; r < rows; ++r) report.rules.push_back(all.Rule(r));
  report.alerts = all.List();
  if (all.scorer() != nullptr) report.scores = all.scorer()->Table();
  report.seconds = static_cast<double>(clock.SteadyUs() - begin_us) / 1e6;
  return report;
}

}  // namespace tocsin
