#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "metrics/metrics.h"
#include "model/reject_reason.h"
#include "rule/rule_set.h"
#include "stage/stage.h"

namespace tocsin {

// What the stage has counted since it was made. read = processed + sum(dlq) + duplicates.
struct ProcessCounts {
  std::uint64_t read = 0;
  std::uint64_t processed = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t dlq[kRejectReasonCount] = {};
  std::uint64_t firing = 0;     // records of state firing
  std::uint64_t resolved = 0;   // records of state resolved
  std::int64_t firing_now = 0;  // instances firing at this moment
};

// Partitions of the topics. When an output has another number than the input, its records go to
// the partition of their key (of their bytes when they have none) instead of the input's; 0 = the
// same as the input.
struct ProcessTopicPartitions {
  std::int32_t input = 0;
  std::int32_t processed = 0;
  std::int32_t alerts = 0;
  std::int32_t dlq = 0;
};

// The stream processor: parse, validate, time checks, dedup, rules; iot.raw in, iot.processed,
// iot.alerts and iot.dlq out, output partition = input partition. Keyed state per device: its
// clock, its alert instances, the windows of its rules and (with DEDUP_WINDOW) its recent times.
//
// Partition time, by which time-driven rules and the fleet's liveness go on without events: the
// largest event time of the partition; in a live run the wall clock once caught up.
//
// A record is judged by its parser, then in this order: future_timestamp (against the append time
// of its batch), late, repeat within DEDUP_WINDOW. A record that fails one touches no state.
//
// Test switch crash_on_value=TEXT: a record that contains TEXT ends the process.
class ProcessStage : public Stage {
 public:
  // `live`: alert records carry latencies, and the wall clock moves time-driven rules. `clock` and
  // `metrics` must outlive the stage. kConfiguration with all mistakes of RULES_FILE or FLEET_FILE.
  static Result<std::unique_ptr<ProcessStage>> Make(const Settings& settings, const Clock& clock,
                                                    Metrics& metrics, bool live,
                                                    const ProcessTopicPartitions& partitions = {});
  // Reads the rule and fleet files again; they are in force from the next batch on. On an error
  // what was in force stays, and the metric tocsin_rules_last_reload_successful is 0. Any thread.
  virtual Status Reload(const Settings& settings) = 0;
  // The same with rules of the caller's; labels and liveness stay. Any thread.
  virtual void ReplaceRules(RuleSet rules) = 0;
  // Counts as of the last Flush(). Any thread.
  virtual ProcessCounts counts() const = 0;
};

}  // namespace tocsin
