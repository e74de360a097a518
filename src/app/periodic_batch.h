#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <thread>

#include "app/session.h"
#include "log/log.h"

namespace tocsin {

// Refreshes the Parquet files from the raw topic every BATCH_INTERVAL: skipped when nothing is
// new, and rarer when a run takes long, so that it never takes more than a tenth of the time.
class PeriodicBatch {
 public:
  // Starts at once; with BATCH_INTERVAL = 0 it does nothing. `on_disk_error` is called from its
  // thread when an output cannot be written.
  PeriodicBatch(Session& session, Log& log, std::function<void()> on_disk_error);
  ~PeriodicBatch();

  // Ends the thread (a run in progress is dropped), then runs once more when something is new.
  Status Finish();
  // Ends the thread and returns how the last run ended.
  Status Stop();
  std::uint64_t runs() const { return runs_.load(); }

 private:
  void Loop(std::stop_token stop);
  Status RunIfNew(std::stop_token stop);

  Session& session_;
  Log& log_;
  const std::function<void()> on_disk_error_;
  std::atomic<std::uint64_t> runs_{0};
  std::int64_t seen_end_ = 0;  // end of the topic at the last run
  Status status_;
  std::jthread thread_;
};

}  // namespace tocsin
