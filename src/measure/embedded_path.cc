#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "base/clock.h"
#include "log/partitioner.h"
#include "log_backends/embedded_log.h"
#include "measure/paths.h"
#include "metrics/metrics.h"
#include "model/event_parser.h"
#include "process/process_stage.h"
#include "stage/runner.h"

namespace tocsin {
namespace {

EmbeddedLogOptions LogOptions(const BenchmarkOptions& options) {
  EmbeddedLogOptions log_options;
  log_options.directory = options.directory + "/embedded_log";
  log_options.disk_reserve_bytes = 0;
  return log_options;
}

Status MakeTopics(Log& log, const Settings& settings) {
  for (const std::string& topic :
       {settings.raw_topic, settings.processed_topic, settings.alert_topic, settings.dlq_topic}) {
    TOCSIN_TRY(log.EnsureTopic(topic, TopicConfig{}));
  }
  return {};
}

// How far the appends may be ahead of the processor: what is measured is the rate that the whole
// path sustains, not the reading of a backlog.
constexpr std::uint64_t kMaxAhead = 100'000;

// Appends every line of the workload to the raw topic, `rows` a transaction.
Status AppendAll(Log& log, const std::string& topic, const Workload& workload, std::size_t rows,
                 const Runner& processor, const std::stop_token& stop) {
  constexpr std::int32_t kPartitions = 4;
  KeyExtractor keys;
  std::vector<RecordBatchBuilder> builders(kPartitions);
  const char* at = workload.lines().data();
  const char* end = at + workload.lines().size();
  for (std::uint64_t appended = 0; at < end; appended += rows) {
    while (appended > processor.progress().records + kMaxAhead) {
      if (stop.stop_requested()) return {};
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    TOCSIN_ASSIGN(const auto transaction, log.Begin({.ingest = true}));
    for (std::size_t row = 0; row < rows && at < end; ++row) {
      const char* line_end =
          static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
      const std::string_view line(at, static_cast<std::size_t>(line_end - at));
      const std::string_view key = keys.DeviceId(line);
      const std::int32_t partition = PartitionOf(key, kPartitions);
      RecordBatchBuilder& builder = builders[static_cast<std::size_t>(partition)];
      builder.Append(key, line);
      if (builder.full()) TOCSIN_TRY(transaction->Append({topic, partition}, builder));
      at = line_end + 1;
    }
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      RecordBatchBuilder& builder = builders[static_cast<std::size_t>(partition)];
      if (!builder.empty()) TOCSIN_TRY(transaction->Append({topic, partition}, builder));
    }
    TOCSIN_TRY(transaction->Commit());
  }
  return {};
}

Runner MakeRunner(Log& log, Stage& stage, const Clock& clock, const Settings& settings) {
  return Runner(log, stage, clock,
                {.group = settings.streaming_group_id,
                 .topic = settings.raw_topic,
                 .max_records = static_cast<std::size_t>(settings.streaming_batch_size),
                 .crash_guard_path = {}});
}

struct EmbeddedRun {
  double seconds = 0;
  double cpu_seconds = 0;
  std::int64_t peak_memory = 0;
  ProcessCounts counts;
  EmbeddedLog::Statistics log;
};

Result<EmbeddedRun> RunOnce(const Settings& settings, const BenchmarkOptions& options,
                            const Workload& workload) {
  const SystemClock clock;
  TOCSIN_ASSIGN(const auto log, EmbeddedLog::Open(LogOptions(options), clock));
  TOCSIN_TRY(MakeTopics(*log, settings));
  Metrics metrics;
  TOCSIN_ASSIGN(const auto stage, ProcessStage::Make(settings, clock, metrics, true));
  Runner runner = MakeRunner(*log, *stage, clock, settings);

  EmbeddedRun run;
  const double cpu = ProcessCpuSeconds();
  const std::int64_t start = clock.SteadyUs();
  Status appended, processed;
  std::stop_source stop;
  {
    std::jthread appender([&] {
      appended = AppendAll(*log, settings.raw_topic, workload, options.rows_per_commit, runner,
                           stop.get_token());
      if (!appended) stop.request_stop();
    });
    std::jthread processor([&] {
      processed = runner.Run(stop.get_token());
      stop.request_stop();
    });
    while (!stop.stop_requested() && runner.progress().records < workload.events()) {
      run.peak_memory = std::max(run.peak_memory, AnonymousMemoryBytes());
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    run.seconds = static_cast<double>(clock.SteadyUs() - start) * 1e-6;
    run.cpu_seconds = ProcessCpuSeconds() - cpu;
    stop.request_stop();
  }
  TOCSIN_TRY(appended);
  TOCSIN_TRY(processed);
  run.counts = stage->counts();
  run.log = log->statistics();
  return run;
}

// Opens the log that RunOnce left and restores the stage's state, up to the first poll.
Result<double> StartToReadyMs(const Settings& settings, const BenchmarkOptions& options) {
  const SystemClock clock;
  const std::int64_t start = clock.SteadyUs();
  TOCSIN_ASSIGN(const auto log, EmbeddedLog::Open(LogOptions(options), clock));
  Metrics metrics;
  TOCSIN_ASSIGN(const auto stage, ProcessStage::Make(settings, clock, metrics, true));
  RunnerOptions runner_options{.group = settings.streaming_group_id,
                               .topic = settings.raw_topic,
                               .until_caught_up = true,
                               .crash_guard_path = {}};
  Runner runner(*log, *stage, clock, runner_options);
  TOCSIN_TRY(runner.Run({}));
  return static_cast<double>(clock.SteadyUs() - start) * 1e-3;
}

}  // namespace

Result<std::vector<Measurement>> MeasureEmbedded(const Settings& settings,
                                                 const BenchmarkOptions& options,
                                                 const Workload& workload) {
  TOCSIN_ASSIGN(const EmbeddedRun run, RunOnce(settings, options, workload));
  TOCSIN_ASSIGN(const double ready_ms, StartToReadyMs(settings, options));
  const auto events = static_cast<double>(workload.events());
  const std::string what =
      "append raw with fsync, process, append outputs, state and offsets with fsync; " +
      std::to_string(options.devices) + " devices, " + std::to_string(options.rows_per_commit) +
      " events a commit, appends at most 100,000 events ahead, " +
      std::to_string(run.counts.firing + run.counts.resolved) + " alert records";
  return std::vector<Measurement>{
      {"embedded.rate", events / run.seconds, "events/s", what, "goal 1,000,000"},
      {"embedded.cpu", run.cpu_seconds * 1e6 / events, "us/event",
       "CPU of the whole process in the same run", "goal 0.8"},
      {"embedded.memory", static_cast<double>(run.peak_memory) / 1e6, "MB",
       "largest anonymous memory in the same run", "goal 200"},
      {"embedded.syncs", static_cast<double>(run.log.syncs), "fsyncs",
       "of " + std::to_string(run.log.commits) + " transactions in the same run", ""},
      {"embedded.start_to_ready", ready_ms, "ms",
       "open the log of that run and restore the state of its devices", "goal 300"}};
}

}  // namespace tocsin
