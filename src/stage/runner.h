#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "stage/stage.h"

namespace tocsin {

struct RunnerOptions {
  std::string group;
  std::string topic;                         // input
  bool from_latest = false;
  std::size_t max_records = 10'000;          // per transaction
  std::int64_t poll_timeout_us = 100'000;
  bool until_caught_up = false;              // end when the lag is 0
  std::string crash_guard_path;              // file of the crash guard; empty = off
};

// Runs one stage: poll, process, commit outputs + state + offsets in one transaction, again.
//
// Run() returns when `stop` is requested (the batch in hand is finished and committed first), when
// caught up (if asked for), or with the error that stopped it. After a kDiskError nothing may be
// assumed of the last transaction; the process must end and recover by opening the log again.
//
// Memory: one poll of input, its outputs and the stage's state.
// Threads: Run() in one thread; progress() from any.
class Runner {
 public:
  Runner(Log& log, Stage& stage, const Clock& clock, RunnerOptions options);

  Status Run(std::stop_token stop);

  struct Progress {
    std::uint64_t records = 0;  // committed
    std::uint64_t commits = 0;
    std::int64_t lag = 0;       // records not yet read, as of the last poll
  };
  Progress progress() const;

 private:
  Status ProcessOnce(Consumer& consumer, std::stop_token stop, bool& idle);

  Log& log_;
  Stage& stage_;
  const Clock& clock_;
  const RunnerOptions options_;
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::int64_t> lag_{0};
};

}  // namespace tocsin
