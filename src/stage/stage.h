#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/log.h"
#include "stage/collector.h"

namespace tocsin {

// Pure logic between logs: reads batches of one topic, writes records of others and keeps keyed
// state. A stage knows no backend; the runner commits what it produced together with the input
// offsets, so a stage neither loses nor repeats an output whatever dies.
//
// State is per input partition. Threads: a stage is called by its runner's thread only.
class Stage {
 public:
  virtual ~Stage() = default;

  virtual std::string_view name() const = 0;  // of the keyed-state store, of logs and metrics

  // Takes ownership of a partition: loads its state through `visit_state`, which calls back once
  // for every entry. Called again for the same partition after a Drop.
  using StateVisitor = std::function<void(std::string_view key, std::string_view value)>;
  using StateReader = std::function<Status(const StateVisitor&)>;
  virtual Status Restore(std::int32_t partition, const StateReader& read_state) = 0;
  // Forgets a partition.
  virtual void Drop(std::int32_t partition) = 0;

  // Processes records in log order. Bad records are data and end in the dead letters; an Error
  // stops the runner.
  virtual Status Process(const PolledBatch& batch, Collector& collector) = 0;

  // Called once before each commit: puts the state that changed since the last one. When
  // `collector.wants_snapshot(partition)`, puts the whole state of that partition instead, after
  // collector.ReplaceState(partition).
  virtual Status Flush(Collector& collector) = 0;

  // Time passes. Called by the runner after each poll (also an empty one), and no later than the
  // time the stage named last. What it collects is committed as the outputs of Process are.
  struct Now {
    std::int64_t wall_us = 0;
    bool caught_up = false;  // nothing of the input is left unread, as of a moment ago
  };
  struct TickResult {
    std::int64_t next_us = INT64_MAX;  // wall time of the next Tick that is wanted
    bool changed = false;              // there is state or output to commit
  };
  virtual Result<TickResult> Tick(const Now& now, Collector& collector);

  // Everything that was flushed is durable now: the place for effects outside the log.
  virtual void Committed() {}
  // `wake` ends the runner's wait for records, so that Tick is called at once; from any thread,
  // without effect after the runner ended. Called once, before the first Restore.
  virtual void SetWaker(std::function<void()> wake) { static_cast<void>(wake); }
  // The runner ends in good order: the last chance to collect. True when there is something to
  // commit; Committed() follows then.
  virtual Result<bool> Finish(Collector& collector);
  // False while there is work left that no record will bring: `until_caught_up` waits for it.
  virtual bool Idle() const { return true; }

  // Sends one record to the dead letters unprocessed, because processing it crashed the process
  // repeatedly.
  virtual Status Quarantine(const PolledBatch& single_record, std::string_view why,
                            Collector& collector) = 0;
};

}  // namespace tocsin
