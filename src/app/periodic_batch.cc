#include "app/periodic_batch.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "app/stage_thread.h"
#include "base/logging.h"
#include "base/wait.h"
#include "batch/batch_job.h"
#include "fleet/fleet_directory.h"

namespace tocsin {
namespace {

constexpr std::int64_t kMemoryBytes = 64LL << 20;
constexpr std::int64_t kRestPerWork = 9;  // a tenth of the time at most

}  // namespace

PeriodicBatch::PeriodicBatch(Session& session, Log& log, std::function<void()> on_disk_error)
    : session_(session), log_(log), on_disk_error_(std::move(on_disk_error)) {
  if (session_.settings.batch_interval_us <= 0) return;
  thread_ = std::jthread([this](std::stop_token stop) { Loop(std::move(stop)); });
}

PeriodicBatch::~PeriodicBatch() {
  (void)Stop();
}

Status PeriodicBatch::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  return status_;
}

Status PeriodicBatch::Finish() {
  TOCSIN_TRY(Stop());
  if (session_.settings.batch_interval_us <= 0) return {};
  return RunIfNew({});
}

void PeriodicBatch::Loop(std::stop_token stop) {
  const std::int64_t interval_us = session_.settings.batch_interval_us;
  std::int64_t rest_us = interval_us;
  while (WaitUs(rest_us, stop)) {
    const std::int64_t start_us = session_.clock.SteadyUs();
    const Status done = RunIfNew(stop);
    rest_us = std::max(interval_us, kRestPerWork * (session_.clock.SteadyUs() - start_us));
    if (done || done.error().code() == Code::kCancelled) continue;
    LogError("batch", done.error().message());
    if (done.error().code() != Code::kDiskError) continue;
    status_ = done;
    on_disk_error_();
    return;
  }
}

Status PeriodicBatch::RunIfNew(std::stop_token stop) {
  const Settings& settings = session_.settings;
  TOCSIN_ASSIGN(const std::int64_t end, EndOf(log_, settings.raw_topic));
  if (end == seen_end_) return {};
  BatchOptions options;
  options.inputs = {"topic:" + settings.raw_topic};
  options.output_dir = settings.processed_data_path;
  // As the file is now: `up` takes up other labels while it runs, too.
  TOCSIN_ASSIGN(const std::unique_ptr<FleetDirectory> fleet,
                FleetDirectory::Open(settings.fleet_file));
  options.labels = fleet.get();
  options.memory_limit_bytes = std::min(kMemoryBytes, settings.batch_memory_bytes);
  TOCSIN_ASSIGN(const BatchReport report, RunBatch(settings, options, &log_, std::move(stop)));
  seen_end_ = end;
  ++runs_;
  session_.metrics.Add(Metric::kBatchRuns, 1);
  session_.metrics.Add(Metric::kBatchRows, report.rows_read);
  LogInfo("batch", "tables refreshed",
          {{"rows", std::to_string(report.rows_read)},
           {"cleansed", std::to_string(report.cleansed)},
           {"hours", std::to_string(report.hours)},
           {"directory", settings.processed_data_path}});
  return {};
}

}  // namespace tocsin
