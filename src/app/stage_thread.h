#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "deliver/alert_log_stage.h"
#include "log/log.h"
#include "stage/runner.h"
#include "stage/stage.h"

namespace tocsin {

// One stage with its runner in a thread of its own.
class StageThread {
 public:
  // Starts at once. `on_end` is called from the thread when the runner has ended, for whatever
  // reason. The references must outlive the object.
  StageThread(Log& log, Stage& stage, const Clock& clock, RunnerOptions options,
              std::function<void()> on_end);
  ~StageThread() { (void)Stop(); }

  // Asks the runner to commit the batch in hand and end, waits for it and returns how it ended.
  Status Stop();
  // Waits until the runner has processed everything that is in its topic now, at most
  // `timeout_us`. False when it ended before or took longer.
  bool CatchUp(std::int64_t timeout_us);
  bool ended() const { return ended_.load(); }
  Runner::Progress progress() const { return runner_.progress(); }

 private:
  Log& log_;
  const Clock& clock_;
  const RunnerOptions options_;
  Runner runner_;
  Status status_;
  std::atomic<bool> ended_{false};
  std::jthread thread_;
};

// Records that `group` has not committed of `topic`.
Result<std::int64_t> UncommittedOf(Log& log, const std::string& group, const std::string& topic);
// Records that `topic` ever got: the sum of its latest offsets.
Result<std::int64_t> EndOf(Log& log, const std::string& topic);

// The consumer group of work that every installation does under the same name. Several
// installations may share a cluster: there their KAFKA_APP_ID tells them apart.
std::string GroupFor(const Settings& settings, std::string_view work);

// The runners' options of the two built stages.
// `directory` is for what belongs to this process alone.
RunnerOptions ProcessRunnerOptions(const Settings& settings, const std::string& directory);
RunnerOptions DeliverRunnerOptions(const Settings& settings, const std::string& directory);
AlertLogOptions AlertLogOptionsFor(const Settings& settings);

}  // namespace tocsin
