#include <atomic>
#include <charconv>
#include <thread>

#include "base/clock.h"
#include "base/time_text.h"
#include "log/partitioner.h"
#include "log_backends/embedded_log.h"
#include "measure/paths.h"
#include "metrics/metrics.h"
#include "process/process_stage.h"
#include "stage/runner.h"

namespace tocsin {
namespace {

constexpr std::size_t kEvents = 5000;
constexpr std::int64_t kIntervalUs = 1000;
constexpr std::string_view kDevice = "latency_";

struct Times {
  std::vector<std::atomic<std::int64_t>> appended = std::vector<std::atomic<std::int64_t>>(kEvents);
  std::vector<std::atomic<std::int64_t>> seen = std::vector<std::atomic<std::int64_t>>(kEvents);
  std::atomic<std::size_t> alerts{0};
};

// Every event is of a device of its own and above the threshold: one firing alert each.
Status AppendPaced(Log& log, const Settings& settings, const Clock& clock, Times& times) {
  const std::int64_t start = clock.SteadyUs();
  for (std::size_t i = 0; i < kEvents; ++i) {
    const std::int64_t due = start + static_cast<std::int64_t>(i) * kIntervalUs;
    const std::int64_t wait = due - clock.SteadyUs();
    if (wait > 0) std::this_thread::sleep_for(std::chrono::microseconds(wait));
    const std::string device = std::string(kDevice) + std::to_string(i);
    const std::string line = "{\"device_id\":\"" + device + "\",\"timestamp\":\"" +
                             FormatTime(clock.WallUs()) +
                             "\",\"temperature\":99.50,\"humidity\":50.00,\"status\":\"OK\"}";
    RecordBatchBuilder builder;
    builder.Append(device, line);
    TOCSIN_ASSIGN(const auto transaction, log.Begin({.ingest = true}));
    TOCSIN_TRY(transaction->Append({settings.raw_topic, PartitionOf(device, 4)}, builder));
    TOCSIN_TRY(transaction->Commit());
    times.appended[i] = clock.SteadyUs();
  }
  return {};
}

// Reads the alerts as any reader in this process would and stamps each when it is in hand.
Status ReadAlerts(Log& log, const Settings& settings, const Clock& clock, Times& times,
                  std::stop_token stop) {
  TOCSIN_ASSIGN(const auto consumer,
                log.Subscribe({.group = "latency-reader", .topic = settings.alert_topic}));
  while (!stop.stop_requested() && times.alerts < kEvents) {
    TOCSIN_ASSIGN(const PollResult polled, consumer->Poll(1000, 100'000, stop));
    const std::int64_t now = clock.SteadyUs();
    for (const PolledBatch& batch : polled.batches) {
      RecordBatch::Cursor cursor(*batch.batch);
      cursor.Skip(batch.first);
      Record record;
      for (std::uint32_t i = 0; i < batch.count && cursor.Next(record); ++i) {
        const std::string_view digits = record.key->substr(kDevice.size());
        std::size_t event = kEvents;
        std::from_chars(digits.data(), digits.data() + digits.size(), event);
        if (event < kEvents) times.seen[event] = now;
        ++times.alerts;
      }
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Measurement>> MeasureAlertLatency(const Settings& settings,
                                                     const BenchmarkOptions& options) {
  const SystemClock clock;
  EmbeddedLogOptions log_options;
  log_options.directory = options.directory + "/latency_log";
  log_options.disk_reserve_bytes = 0;
  TOCSIN_ASSIGN(const auto log, EmbeddedLog::Open(log_options, clock));
  for (const std::string& topic :
       {settings.raw_topic, settings.processed_topic, settings.alert_topic, settings.dlq_topic}) {
    TOCSIN_TRY(log->EnsureTopic(topic, TopicConfig{}));
  }
  Metrics metrics;
  TOCSIN_ASSIGN(const auto stage, ProcessStage::Make(settings, clock, metrics, true));
  Runner runner(
      *log, *stage, clock,
      {.group = settings.streaming_group_id, .topic = settings.raw_topic, .crash_guard_path = {}});
  Times times;
  Status appended, processed, read;
  std::stop_source stop;
  {
    std::jthread processor([&] { processed = runner.Run(stop.get_token()); });
    std::jthread reader([&] {
      read = ReadAlerts(*log, settings, clock, times, stop.get_token());
      stop.request_stop();
    });
    appended = AppendPaced(*log, settings, clock, times);
    const std::int64_t deadline = clock.SteadyUs() + 5'000'000;
    while (!stop.stop_requested() && clock.SteadyUs() < deadline) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    stop.request_stop();
  }
  TOCSIN_TRY(appended);
  TOCSIN_TRY(processed);
  TOCSIN_TRY(read);
  if (times.alerts != kEvents) {
    return Fail(Code::kInternal, "benchmark: " + std::to_string(times.alerts) + " of " +
                                     std::to_string(kEvents) + " alerts arrived");
  }
  std::vector<double> latencies_us;
  for (std::size_t i = 0; i < kEvents; ++i) {
    latencies_us.push_back(
        static_cast<double>(std::max<std::int64_t>(0, times.seen[i] - times.appended[i])));
  }
  const std::string what =
      "from the durable append of an event to its alert at a reader in this "
      "process, 1,000 events/s, each its own append";
  return std::vector<Measurement>{
      {"alert.latency_p50", Quantile(latencies_us, 0.5), "us", what, ""},
      {"alert.latency_p99", Quantile(latencies_us, 0.99), "us", what,
       "floor.write_fdatasync_4KiB_p99; goal 5,000"}};
}

}  // namespace tocsin
