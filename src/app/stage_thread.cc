#include "app/stage_thread.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/wait.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLookUs = 5'000;

}  // namespace

StageThread::StageThread(Log& log, Stage& stage, const Clock& clock, RunnerOptions options,
                         std::function<void()> on_end)
    : log_(log), clock_(clock), options_(options), runner_(log, stage, clock, std::move(options)) {
  thread_ = std::jthread([this, on_end = std::move(on_end)](std::stop_token stop) {
    status_ = runner_.Run(std::move(stop));
    ended_ = true;
    on_end();
  });
}

Status StageThread::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return status_;
}

bool StageThread::CatchUp(std::int64_t timeout_us) {
  const std::int64_t give_up_us = clock_.SteadyUs() + timeout_us;
  while (!ended()) {
    const auto left = UncommittedOf(log_, options_.group, options_.topic);
    if (!left) return false;
    if (*left == 0) return true;
    if (clock_.SteadyUs() >= give_up_us) return false;
    WaitUs(kLookUs, {});
  }
  return false;
}

Result<std::int64_t> UncommittedOf(Log& log, const std::string& group, const std::string& topic) {
  TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log, topic));
  std::int64_t left = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets({topic, i}));
    TOCSIN_ASSIGN(const std::optional<std::int64_t> committed,
                  log.CommittedOffset(group, {topic, i}));
    const std::int64_t next = std::max(committed.value_or(offsets.earliest), offsets.earliest);
    if (next >= offsets.latest) continue;
    if (offsets.bytes < 0) {
      // A cluster: only the marks of transactions may be left.
      TOCSIN_ASSIGN(const auto batches, log.Fetch({topic, i}, next, 1));
      if (batches.empty()) continue;
    }
    left += offsets.latest - next;
  }
  return left;
}

Result<std::int64_t> EndOf(Log& log, const std::string& topic) {
  TOCSIN_ASSIGN(const std::int32_t count, PartitionCount(log, topic));
  std::int64_t end = 0;
  for (std::int32_t i = 0; i < count; ++i) {
    TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets({topic, i}));
    end += offsets.latest;
  }
  return end;
}

namespace {

constexpr std::size_t kClusterCommitRecords = 500'000;
// A commit costs the processor a few milliseconds, whatever its size: so often, one process with
// little to do takes less than a tenth of a core.
constexpr std::int64_t kClusterCommitPauseUs = 30'000;

// A commit on a cluster costs the same whatever its size; here it ends with every poll.
void SetCommits(const Settings& settings, RunnerOptions& options) {
  options.commit_records = options.max_records;
  if (settings.kafka_broker.empty()) return;
  options.commit_interval_us = settings.kafka_commit_interval_us;
  options.commit_pause_us = std::min(kClusterCommitPauseUs, settings.kafka_commit_interval_us);
  // The rows of a transaction are limited when somebody says so.
  const auto origin = settings.origin.find("STREAMING_BATCH_SIZE");
  if (origin == settings.origin.end() || origin->second == "default") {
    options.commit_records = kClusterCommitRecords;
  }
}

}  // namespace

std::string GroupFor(const Settings& settings, std::string_view work) {
  if (settings.kafka_broker.empty()) return std::string(work);
  return settings.kafka_app_id + "-" + std::string(work);
}

RunnerOptions ProcessRunnerOptions(const Settings& settings, const std::string& directory) {
  RunnerOptions options;
  options.group = settings.streaming_group_id;
  options.topic = settings.raw_topic;
  options.from_latest = settings.streaming_auto_offset == "latest";
  options.max_records = static_cast<std::size_t>(settings.streaming_batch_size);
  options.poll_timeout_us = settings.streaming_poll_timeout_ms * 1000;
  options.crash_guard_path = directory + "/process.guard";
  SetCommits(settings, options);
  return options;
}

RunnerOptions DeliverRunnerOptions(const Settings& settings, const std::string& directory) {
  RunnerOptions options;
  options.group = GroupFor(settings, "alert-log");
  options.topic = settings.alert_topic;
  options.whole = true;  // one file
  options.poll_timeout_us = settings.streaming_poll_timeout_ms * 1000;
  options.crash_guard_path = directory + "/deliver.guard";
  return options;
}

AlertLogOptions AlertLogOptionsFor(const Settings& settings) {
  AlertLogOptions options;
  options.path = settings.alert_log_path;
  options.max_bytes = settings.alert_log_max_bytes;
  options.keep = settings.alert_log_keep;
  return options;
}

}  // namespace tocsin
