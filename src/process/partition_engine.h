#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "fleet/fleet_liveness.h"
#include "model/event_batch.h"
#include "process/partition_state.h"
#include "rule/alert_lifecycle.h"
#include "rule/rule_memory.h"
#include "rule/rule_set.h"

namespace tocsin {

// One record's worth of change of an alert instance, before it is written down.
struct Transition {
  std::size_t rule = 0;
  std::string_view device_id = {};
  AlertInstance instance;  // as of this transition
  AlertTransition kind = AlertTransition::kFiring;
  std::int64_t t_us = 0;
  std::uint8_t level = 0;    // of the record: its severity
  double value = 0;          // NaN = null
  std::string_view explain;  // JSON object or ""
  bool flapping = false;
  std::string_view cause;    // "" for an event (alert_record.h)
  std::size_t row = kNoRow;  // of the batch; kNoRow for a timer
  static constexpr std::size_t kNoRow = static_cast<std::size_t>(-1);
  // Of an instance whose rule is gone (`rule` is kNoRule): its name and what is known of it.
  static constexpr std::size_t kNoRule = static_cast<std::size_t>(-1);
  std::string_view removed_rule = {};
  const PartitionState::RuleMemo* memo = nullptr;
};

// What became of each row of a batch.
enum class RowVerdict : std::uint8_t { kAccepted, kRejected, kFuture, kLate, kDuplicate };

// The stream's core for the events of one partition: time checks, dedup, rules, lifecycle, timers.
// Knows no log and writes no record, so that the stream, the backtest and the benchmarks run the
// same code.
//
// Threads: none but the owner's.
class PartitionEngine {
 public:
  struct Options {
    std::int64_t allowed_lateness_us = 0;  // 0 = off
    std::int64_t dedup_window_us = 0;      // 0 = off
    bool lifecycle = true;                 // false: conditions only
  };
  class Sink {
   public:
    virtual ~Sink() = default;
    virtual void OnTransition(const Transition& transition) = 0;
    // A device or a parent of the fleet fell silent or came back; `row` is kNoRow for a timer.
    virtual void OnFleetChange(const FleetChange& change, std::size_t row) {
      static_cast<void>(change), static_cast<void>(row);
    }
  };

  // `rules` must outlive the engine (or its place in it: ReplaceRules). `fleet` may be nullptr.
  PartitionEngine(const RuleSet& rules, Options options, FleetPartition* fleet = nullptr);
  ~PartitionEngine();

  // Judges the rows (a row with a reject reason stays kRejected; one later than `latest_us` is
  // kFuture), evaluates the rules over the accepted ones and moves their instances on. `offsets`
  // are the log offsets of the rows (empty = none). The results are valid until the next call.
  void Process(const EventBatch& batch, std::int64_t latest_us,
               std::span<const std::int64_t> offsets, Sink& sink);
  std::span<const RowVerdict> verdicts() const;  // by row of the batch
  // The rules whose condition holds at an accepted row: words() of them.
  std::span<const std::uint64_t> Conditions(std::size_t row) const;
  std::int64_t ClockOf(std::size_t row) const;  // of a kLate row's device
  // Without lifecycle: what the first rule whose condition holds at the row says there.
  struct FirstHit {
    double value = EventBatch::kNull;  // NaN = null
    std::uint8_t level = 0;            // the highest that holds: its position in levels + 1
  };
  FirstHit FirstHitOf(std::size_t row) const;

  // Partition time moved on (rules.md, "Time-driven"): evaluates what is due up to `time_us`, in
  // the order of due times. Live: the wall clock once caught up; else the largest event time.
  void AdvanceTime(std::int64_t time_us, Sink& sink);
  // Process runs timers up to this time at most, whatever a fast clock sends. Live: the wall clock.
  void LimitTime(std::int64_t wall_us);
  // When AdvanceTime has something to do next; INT64_MAX = nothing.
  std::int64_t NextDueUs();
  std::int64_t largest_event_time_us() const;  // INT64_MIN before the first

  // Goes on with other rules (partition_state.h). To be called between two calls of Process.
  void ReplaceRules(const RuleSet& rules);
  // Resolves what rules that are gone left firing. True when there was something.
  bool ResolveOrphans(Sink& sink);
  // To be called after state().Restore().
  void FinishRestore();

  std::int64_t firing() const;  // instances that fire (or recover)
  PartitionState& state();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace tocsin
