#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "fleet/fleet_directory.h"
#include "fleet/fleet_options.h"
#include "log/log.h"
#include "offline/alert_statistics.h"
#include "offline/fault_labels.h"
#include "offline/partitioned_reader.h"
#include "offline/scoring.h"
#include "rule/rule_set.h"

namespace tocsin {

struct BacktestOptions {
  std::vector<std::string> inputs;  // files, directories, globs, "-", "topic:NAME"
  int threads = 1;
  std::size_t list_alerts = 20;         // the earliest alerts, by value
  const FaultLabels* labels = nullptr;  // with them the report has scores
  // The rule file's `fleet` mapping (nullptr = none), with its version, and the devices of
  // FLEET_FILE, which must be there then. Both must outlive the run.
  const FleetOptions* fleet = nullptr;
  const FleetDirectory* directory = nullptr;
  std::string fleet_version = {};
  std::int64_t grace_us = 300'000'000;  // after the end of a labelled fault
  std::function<void(std::uint64_t events, std::uint64_t bytes_done, std::uint64_t bytes_all)>
      progress = {};
};

struct BacktestReport {
  ReadTotals read;
  std::uint64_t late = 0;        // ALLOWED_LATENESS
  std::uint64_t duplicates = 0;  // DEDUP_WINDOW
  std::uint64_t evaluated = 0;   // read.events = evaluated + late + duplicates + rejected
  std::int64_t first_us = 0;     // smallest and largest event time; 0 without an event
  std::int64_t last_us = 0;
  std::vector<RuleStatistics> rules;  // those of the set, then `fleet_rules`
  // Name, severity and version of device_silent, gateway_silent …; empty without `fleet`.
  std::vector<RuleDefinition> fleet_rules;
  std::vector<ListedAlert> alerts;
  std::optional<ScoreTable> scores;
  double seconds = 0;
};

// Runs the rules over past events as the stream would in a replay: one engine a partition,
// partition time is the largest event time of the partition, and at the end the end of the data.
// Future timestamps are not judged: there is no append time. With `fleet` all devices share one
// partition, for a gateway may have devices in any. The result depends on the input alone, not on
// the threads.
//
// `log` is needed for topic inputs only (may be null). Errors: as those of the inputs (named),
// kCancelled when stopped.
Result<BacktestReport> RunBacktest(const Settings& settings, const RuleSet& rules,
                                   const BacktestOptions& options, Log* log, std::stop_token stop);

// One JSON object without a line end; keys are documented in docs/07_alerting.md.
std::string BacktestJson(const RuleSet& rules, const BacktestReport& report);
// For people.
std::string BacktestText(const RuleSet& rules, const BacktestReport& report);

}  // namespace tocsin
