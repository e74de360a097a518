#include "generate/run_generate.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/logging.h"
#include "base/random.h"
#include "base/text.h"
#include "generate/sink.h"

namespace tocsin {
namespace {

constexpr std::int64_t kSeededStartUs = 1'735'689'600'000'000;  // 2025-01-01T00:00:00Z
constexpr std::int64_t kFlushAfterUs = 50'000;
constexpr std::uint64_t kChunkEvents = 512;
constexpr auto kSinkNames =
    std::to_array<std::string_view>({"file", "log", "stdout", "http", "mqtt", "kafka"});

Result<std::unique_ptr<EventSink>> OpenSink(const std::string& name, const Settings& settings,
                                            const GenerateOptions& options, Log* log,
                                            const Clock& clock, const std::stop_token& stop) {
  if (name == "stdout") return MakeStdoutSink();
  if (name == "file") {
    return OpenFileSink(options.output_path.empty() ? settings.raw_data_path + "/sensor_log.jsonl"
                                                    : options.output_path);
  }
  if (name == "log" || name == "kafka") {
    if (name == "kafka" && settings.kafka_broker.empty()) {
      return Fail(Code::kUsage,
                  "sink 'kafka' needs a broker; set KAFKA_BROKER, or use the sink log");
    }
    if (log == nullptr) return Fail(Code::kInternal, "no log was opened for sink '" + name + "'");
    return MakeLogSink(*log, settings.raw_topic, clock, stop);
  }
  if (name == "http") {
    return MakeHttpSink(settings.gen_http_url, settings.gen_http_token, clock, stop);
  }
  if (name == "mqtt") {
    return Fail(Code::kUsage, "sink 'mqtt' is not built in yet; use file, log, stdout or http");
  }
  const std::string_view nearest = Nearest(name, kSinkNames);
  return Fail(Code::kUsage, "unknown sink '" + name + "'; " +
                                (nearest.empty() ? "use file, log, stdout or http"
                                                 : "did you mean " + std::string(nearest) + "?"));
}

// The events per second that are wanted; 0 = as fast as it goes.
double RateOf(const GenerateOptions& options) {
  if (options.rate >= 0) return options.rate;
  return options.interval_seconds > 0 ? 1 / options.interval_seconds : 0;
}

bool IsSynthetic(const GenerateOptions& options) {
  return options.seed.has_value() || options.start_us.has_value();
}

GeneratorOptions OptionsFor(const Settings& settings, const GenerateOptions& options) {
  GeneratorOptions made;
  made.devices = options.devices;
  made.seed = options.seed ? *options.seed : RandomSeed();
  made.start_us = options.start_us.value_or(kSeededStartUs);
  const double rate = RateOf(options);
  const double interval_us = rate > 0 ? 1e6 / rate : 1000;
  made.interval_us = std::max<std::int64_t>(1, std::llround(std::min(interval_us, 1e15)));
  made.temperature = settings.temp_range;
  made.humidity = settings.humidity_range;
  made.temperature_threshold = settings.temp_alert_threshold;
  made.humidity_threshold = settings.humidity_alert_threshold;
  for (const MetricSpec& metric : settings.metrics) {
    // A metric declared without bounds leaves the generator's own.
    if (std::abs(metric.min) > 1e9 || std::abs(metric.max) > 1e9) continue;
    if (metric.name == "temperature") made.valid_temperature = {metric.min, metric.max};
    if (metric.name == "humidity") made.valid_humidity = {metric.min, metric.max};
  }
  made.faults = options.faults;
  made.labels = !options.labels_path.empty();
  return made;
}

// The ground truth, written as the episodes end.
class LabelFile {
 public:
  Status Open(const std::string& path) {
    path_ = path;
    if (path.empty()) return {};
    TOCSIN_TRY(MakeDirectories(DirectoryOf(path)));
    auto file = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return Fail(Code::kDiskError, file.error().message());
    file_ = std::move(*file);
    return {};
  }

  Status Write(Generator& generator, bool last) {
    if (!file_.valid()) return {};
    std::string text;
    for (const std::string& line : generator.TakeLabels(last)) text += line + '\n';
    TOCSIN_TRY(WriteAll(file_.get(), text, path_));
    if (!last) return {};
    TOCSIN_TRY(SyncFile(file_.get(), path_));
    return SyncDirectory(DirectoryOf(path_));
  }

 private:
  std::string path_;
  FileDescriptor file_;
};

class Run {
 public:
  Run(const Settings& settings, const GenerateOptions& options, Log* log, const Clock& clock,
      std::stop_token stop)
      : settings_(settings), options_(options), log_(log), clock_(clock), stop_(std::move(stop)) {}

  Result<GenerateReport> Execute() {
    if (options_.sinks.empty()) {
      return Fail(Code::kUsage, "no sink; use --sink file, log, stdout or http");
    }
    for (const std::string& name : options_.sinks) {
      TOCSIN_ASSIGN(auto sink, OpenSink(name, settings_, options_, log_, clock_, stop_));
      sinks_.push_back(std::move(sink));
    }
    TOCSIN_TRY(labels_.Open(options_.labels_path));
    generator_ = Generator::Make(OptionsFor(settings_, options_));
    start_us_ = clock_.SteadyUs();
    Status status = Loop();
    // A reader that went away ends the run; the other sinks still get what was made.
    if (!status && status.error().code() == Code::kCancelled) status = {};
    TOCSIN_TRY(status);
    for (const auto& sink : sinks_) {
      const Status closed = sink->Close();
      if (!closed && closed.error().code() != Code::kCancelled)
        return std::unexpected(closed.error());
      report_.events -= std::min(report_.events, sink->dropped());
    }
    TOCSIN_TRY(labels_.Write(*generator_, true));
    if (options_.progress) options_.progress(report_.events);
    report_.seconds = static_cast<double>(clock_.SteadyUs() - start_us_) / 1e6;
    return report_;
  }

 private:
  bool Done() const {
    return stop_.stop_requested() ||
           (options_.max_events > 0 && report_.events >= options_.max_events);
  }

  // When call number `call` of the generator is due.
  std::int64_t DueUs(std::uint64_t call) const {
    return start_us_ + std::llround(static_cast<double>(call) * 1e6 / rate_);
  }
  // The calls that are due at `now_us`; the first at the start.
  std::uint64_t DueCalls(std::int64_t now_us) const {
    if (rate_ == 0) return std::numeric_limits<std::uint64_t>::max();
    const double elapsed = static_cast<double>(now_us - start_us_) * rate_ / 1e6;
    auto due = static_cast<std::uint64_t>(std::max(0.0, elapsed)) + 1;
    // Rounding may leave the estimate one short of what DueUs() says.
    while (DueUs(due) <= now_us) ++due;
    return due;
  }

  Status Loop() {
    rate_ = RateOf(options_);
    std::uint64_t calls = 0;
    while (!Done()) {
      const std::int64_t now = clock_.SteadyUs();
      const std::uint64_t due = DueCalls(now);
      if (calls < due) {
        TOCSIN_TRY(Produce(std::min(due - calls, kChunkEvents), calls, now));
        const bool full =
            std::ranges::any_of(sinks_, [](const auto& sink) { return sink->Full(); });
        if (full || (unflushed_ && now - oldest_us_ >= kFlushAfterUs)) TOCSIN_TRY(Flush());
        continue;
      }
      // Waiting for more is of no use when the events must leave before more come.
      const std::int64_t next = DueUs(calls);
      if (unflushed_ && next >= oldest_us_ + kFlushAfterUs) {
        TOCSIN_TRY(Flush());
      } else {
        WaitUntil(clock_, next, stop_);
      }
    }
    return {};
  }

  Status Produce(std::uint64_t count, std::uint64_t& calls, std::int64_t now_us) {
    std::optional<std::int64_t> time;
    if (!IsSynthetic(options_)) time = clock_.WallUs();
    for (; count > 0 && !Done(); --count, ++calls) {
      const Generator::Event event = generator_->Next(time);
      if (event.line.empty()) continue;
      for (const auto& sink : sinks_) TOCSIN_TRY(sink->Write(event));
      ++report_.events;
      report_.bytes += event.line.size() + 1;
      if (!unflushed_) oldest_us_ = now_us;
      unflushed_ = true;
    }
    return {};
  }

  Status Flush() {
    unflushed_ = false;
    for (const auto& sink : sinks_) TOCSIN_TRY(sink->Flush());
    TOCSIN_TRY(labels_.Write(*generator_, false));
    if (options_.progress) options_.progress(report_.events);
    return {};
  }

  const Settings& settings_;
  const GenerateOptions& options_;
  Log* log_;
  const Clock& clock_;
  std::stop_token stop_;
  std::vector<std::unique_ptr<EventSink>> sinks_;
  LabelFile labels_;
  std::unique_ptr<Generator> generator_;
  GenerateReport report_;
  double rate_ = 0;
  std::int64_t start_us_ = 0;
  std::int64_t oldest_us_ = 0;  // when the oldest event that is not flushed was made
  bool unflushed_ = false;
};

}  // namespace

Result<GenerateReport> RunGenerate(const Settings& settings, const GenerateOptions& options,
                                   Log* log, const Clock& clock, std::stop_token stop) {
  return Run(settings, options, log, clock, std::move(stop)).Execute();
}

}  // namespace tocsin
