#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "stage/crash_guard.h"
#include "stage/stage.h"
#include "stage/waker.h"

namespace tocsin {

struct RunnerOptions {
  std::string group;
  std::string topic;  // input
  bool from_latest = false;
  bool whole = false;                // see ConsumerOptions
  std::size_t max_records = 10'000;  // per poll
  // A transaction ends when nothing more is waiting, when it has this many records, or when it is
  // this old: 0 = with every poll. On a cluster a commit costs some milliseconds whatever its size.
  std::size_t commit_records = 10'000;
  std::int64_t commit_interval_us = 0;
  // From the begin of one commit to that of the next at least, when nothing more is waiting: a few
  // records that come one by one share a commit.
  std::int64_t commit_pause_us = 0;
  std::int64_t poll_timeout_us = 100'000;
  bool until_caught_up = false;          // end when all is done that the log held at the start
  std::string crash_guard_path;          // file of the crash guard; empty = off
  std::size_t commit_bytes = 16u << 20;  // outputs and state that end a transaction early
};

// Runs one stage: poll, process, tick, commit outputs + state + offsets in one transaction, again.
// Outputs go into the open transaction after each poll, so that a cluster takes them in meanwhile.
//
// Partitions come and go: what was done of one that is given up is committed before it is dropped.
// A commit that was fenced undoes the work since the last one: the stage forgets all partitions and
// gets those that are still ours again, from their committed offsets on.
//
// Run() returns when `stop` is requested (the batch in hand is finished and committed first), when
// caught up and the stage idle (if asked for), or with the error that stopped it. A commit that
// fails with a retryable error is tried again with the same content until it succeeds or `stop` is
// requested; then Run() returns that error and the next run does the work again. After a kDiskError
// nothing may be assumed of the last transaction; the process must end and recover by opening the
// log again.
//
// Memory: one poll of input, at most about `commit_bytes` of outputs, and the stage's state.
// Threads: Run() in one thread, once; progress() from any.
class Runner {
 public:
  Runner(Log& log, Stage& stage, const Clock& clock, RunnerOptions options);

  Status Run(std::stop_token stop);
  // Ends the wait for records, so that the stage gets a Tick at once. Any thread, any time.
  void Wake();

  struct Progress {
    std::uint64_t records = 0;  // committed
    std::uint64_t commits = 0;
    std::int64_t lag = 0;     // records not yet read, as of a moment ago
    std::int64_t lag_us = 0;  // age of the record that was read last; 0 = nothing is waiting
  };
  Progress progress() const;

 private:
  static constexpr std::int64_t kLongAgoUs = 1LL << 60;

  // Place of one partition in the input.
  struct Position {
    std::int64_t next = 0;       // first offset that is not processed
    std::int64_t committed = 0;  // first offset that is not committed
    std::int64_t target = 0;     // the end of the log when the partition became ours
  };

  Status Open(std::stop_token stop);
  Status ProcessOnce(Consumer& consumer, Waker& waker, std::stop_token stop);
  Status Loop(Consumer& consumer, Waker& waker, std::stop_token stop);
  std::int64_t PollTimeoutUs() const;
  Status Tick();
  Status Finish(Consumer& consumer, std::stop_token stop);
  Status Assign(Consumer& consumer, const PollResult& polled, std::stop_token stop);
  Status FindPosition(std::int32_t partition);
  Status Restore(std::int32_t partition);
  Status ProcessBatch(Consumer& consumer, const PolledBatch& polled, std::stop_token stop);
  Status ProcessCarefully(Consumer& consumer, const PolledBatch& polled, std::uint32_t count,
                          std::stop_token stop);
  Status ProcessGuarded(const PolledBatch& polled);
  void Advance(const PolledBatch& polled);
  Status RequestSnapshots();
  bool CommitIsDue(std::size_t polled) const;
  std::int64_t LeftOfPauseUs() const;
  Status Commit(Consumer& consumer, std::stop_token stop);
  Status Send(std::stop_token stop);
  Status AddOffsets();
  void Committed();
  void Forget();
  Status MeasureLag(Consumer& consumer, bool idle, std::stop_token stop);
  bool CaughtUp() const;

  Log& log_;
  Stage& stage_;
  const Clock& clock_;
  const RunnerOptions options_;
  std::unique_ptr<CrashGuard> guard_;
  Collector collector_;
  std::unique_ptr<Transaction> transaction_;    // open: outputs since the last commit
  std::size_t sent_bytes_ = 0;                  // in it
  std::int64_t opened_us_ = 0;                  // steady clock; of the first record in it
  std::int64_t commit_begun_us_ = -kLongAgoUs;  // likewise; of the last commit
  std::map<std::int32_t, Position> positions_;  // of the partitions that are ours
  bool joined_ = false;
  std::uint64_t uncommitted_ = 0;  // records processed since the last commit
  bool changed_ = false;           // a Tick collected something
  std::int64_t next_tick_us_ = INT64_MAX;
  std::shared_ptr<WakerSlot> waker_ = std::make_shared<WakerSlot>();
  std::int64_t lag_due_us_ = 0;       // steady clock
  std::int64_t lag_due_wall_us_ = 0;  // wall clock
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::int64_t> lag_{0};
  std::int64_t read_ms_ = 0;  // append time of the record that was read last; 0 = none yet
  std::atomic<std::int64_t> lag_us_{0};
};

}  // namespace tocsin
