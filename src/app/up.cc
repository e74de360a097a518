#include "app/up.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "app/desk.h"
#include "app/open_log.h"
#include "app/periodic_batch.h"
#include "app/progress_line.h"
#include "app/reload_signal.h"
#include "app/run_summary.h"
#include "app/stage_thread.h"
#include "app/web_server.h"
#include "base/logging.h"
#include "base/text.h"
#include "base/wait.h"
#include "deliver/alert_log_stage.h"
#include "generate/run_generate.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLookUs = 100'000;
constexpr std::int64_t kRedrawUs = 1'000'000;
constexpr std::int64_t kMessageUs = 10'000'000;
// A backlog of hours is not worked off before a stop: it waits for the next start.
constexpr std::int64_t kCatchUpUs = 60'000'000;

class Pipeline {
 public:
  Pipeline(Session& session, const UpOptions& options) : session_(session), options_(options) {}

  Result<int> Run() {
    TOCSIN_TRY(Start());
    Announce();
    Watch();
    TOCSIN_TRY(Shutdown());
    PrintBalance();
    return 0;
  }

 private:
  Status Start() {
    const Settings& settings = session_.settings;
    TOCSIN_TRY(CheckWebSettings(settings));
    start_us_ = session_.clock.SteadyUs();
    if (options_.demo) {
      TOCSIN_ASSIGN(faults_, ParseFaults(options_.faults));
    }
    TOCSIN_ASSIGN(opened_,
                  OpenLog(settings, session_.clock, LogAccess::kExclusive, "up", session_.stop));
    Log& log = *opened_.log;
    TOCSIN_ASSIGN(process_stage_,
                  ProcessStage::Make(settings, session_.clock, session_.metrics, true));
    TOCSIN_ASSIGN(deliver_stage_, AlertLogStage::Make(AlertLogOptionsFor(settings)));
    TOCSIN_ASSIGN(notify_stage_, MakeNotifyStage(session_, random_, log));
    TOCSIN_ASSIGN(waiting_, WaitingAtStart());
    TOCSIN_ASSIGN(raw_end_at_start_, EndOf(log, settings.raw_topic));
    TOCSIN_ASSIGN(server_, ServeLog(
                               settings, opened_, [this] { return StatusJson(); }, false,
                               DeskControl(notify_stage_.get())));
    const auto wake = [this] { wake_.request_stop(); };
    process_.emplace(log, *process_stage_, session_.clock,
                     ProcessRunnerOptions(settings, opened_.private_directory), wake);
    deliver_.emplace(log, *deliver_stage_, session_.clock,
                     DeliverRunnerOptions(settings, opened_.private_directory), wake);
    if (notify_stage_ != nullptr) {
      notify_.emplace(log, *notify_stage_, session_.clock,
                      NotifyRunnerOptions(settings, opened_.private_directory), wake);
    }
    batch_.emplace(session_, log, wake);
    TOCSIN_ASSIGN(web_, WebServer::Start(session_, log, Backend()));
    if (options_.demo) StartGenerator(wake);
    return {};
  }

  WebBackend Backend() {
    WebBackend backend = WebBackendFor(session_, *opened_.log);
    backend.demo = options_.demo;
    backend.totals = [this]() -> std::optional<WebBackend::Totals> {
      const RunSummary summary = Summary();
      WebBackend::Totals totals{.counts = summary.counts,
                                .lag = process_->progress().lag,
                                .generated = {},
                                .unaccounted = summary.unaccounted()};
      if (options_.demo) totals.generated = generated_so_far_.load();
      return totals;
    };
    if (notify_stage_ != nullptr) backend.desk = DeskControl(notify_stage_.get());
    return backend;
  }

  // Events that an earlier run left unprocessed; none when the group begins at the end.
  Result<std::int64_t> WaitingAtStart() {
    const Settings& settings = session_.settings;
    if (settings.streaming_auto_offset == "latest") {
      TOCSIN_ASSIGN(
          const std::optional<std::int64_t> committed,
          opened_.log->CommittedOffset(settings.streaming_group_id, {settings.raw_topic, 0}));
      if (!committed) return 0;
    }
    return UncommittedOf(*opened_.log, settings.streaming_group_id, settings.raw_topic);
  }

  void StartGenerator(std::function<void()> wake) {
    GenerateOptions options;
    options.sinks = {"log"};
    options.rate = options_.rate;
    options.devices = session_.settings.gen_device_count;
    options.faults = faults_;
    options.progress = [this](std::uint64_t events) { generated_so_far_ = events; };
    generator_ = std::jthread(
        [this, options = std::move(options), wake = std::move(wake)](std::stop_token stop) {
          generated_ = RunGenerate(session_.settings, options, opened_.log.get(), session_.clock,
                                   std::move(stop));
          if (!generated_) wake();
        });
  }

  // What runs, where the files are, how to stop it.
  // Where alerts go besides the alert log.
  std::string TellsWhom() const {
    const Settings& settings = session_.settings;
    if (!settings.alert_routes_file.empty()) {
      return ", and the receivers of " + settings.alert_routes_file;
    }
    std::string channels;
    if (!settings.alert_webhook_url.empty()) channels += ", and ALERT_WEBHOOK_URL";
    if (!settings.alert_slack_webhook_url.empty()) channels += ", and ALERT_SLACK_WEBHOOK_URL";
    return channels;
  }

  void Announce() const {
    const Settings& settings = session_.settings;
    if (!MessagesOnTerminal()) {
      LogInfo("up", "running",
              {{"pid", std::to_string(::getpid())},
               {"data_dir", settings.data_dir},
               {"demo", options_.demo ? "true" : "false"},
               {"dashboard", web_ == nullptr ? "off" : web_->url()}});
    }
    std::string text = "tocsin is running (process " + std::to_string(::getpid()) + ")\n";
    text += options_.demo
                ? "  generating   " + Grouped(static_cast<std::uint64_t>(options_.rate)) +
                      " events/s from " + std::to_string(settings.gen_device_count) + " devices\n"
                : "  waiting for  tocsin ingest FILE --data-dir " + settings.data_dir + "\n";
    text += "  log          " + LogDirectoryOf(settings) + "  (" + settings.raw_topic + ", " +
            settings.processed_topic + ", " + settings.alert_topic + ", " + settings.dlq_topic +
            ")\n";
    text += "  rules        " +
            (settings.rules_file.empty() ? "the two default rules" : settings.rules_file) + "\n";
    text += "  alerts       " + settings.alert_log_path + TellsWhom() + "\n";
    text += settings.batch_interval_us > 0
                ? "  tables       " + settings.processed_data_path +
                      "/*.parquet, refreshed every " +
                      std::to_string(settings.batch_interval_us / 1'000'000) + " s and at the end\n"
                : "  tables       off (BATCH_INTERVAL=0)\n";
    text += "  dashboard    " + (web_ == nullptr ? "off (HTTP_BIND is empty)" : web_->url()) + "\n";
    if (web_ != nullptr && !web_->setup_token().empty()) {
      text += "  set-up token " + web_->setup_token() + " (makes the first user, once)\n";
    }
    text += "  look inside  tocsin topic tail " + settings.processed_topic + " --data-dir " +
            settings.data_dir + "\n";
    text += options_.run_for_us > 0
                ? "  stops        after " + std::to_string(options_.run_for_us / 1'000'000) +
                      " s, or with Ctrl-C\n"
                : "  stop         Ctrl-C (once: finishes its work; twice: at once)\n";
    std::fputs(text.c_str(), stderr);
    std::fflush(stderr);
  }

  // Waits for the end: a signal, the time, or a part that failed.
  void Watch() {
    ProgressLine line("up", "events", session_.clock);
    const std::stop_callback on_signal(session_.stop, [this] { wake_.request_stop(); });
    std::int64_t shown_us = start_us_;
    std::uint64_t shown_records = 0;
    while (WaitUs(kLookUs, wake_.get_token())) {
      if (reload_.Take()) Reload();
      const std::int64_t now_us = session_.clock.SteadyUs();
      if (options_.run_for_us > 0 && now_us - start_us_ >= options_.run_for_us) return;
      if (now_us - shown_us < (line.on_terminal() ? kRedrawUs : kMessageUs)) continue;
      const ProcessCounts counts = process_stage_->counts();
      const double rate = static_cast<double>(counts.read - shown_records) * 1e6 /
                          static_cast<double>(now_us - shown_us);
      shown_us = now_us;
      shown_records = counts.read;
      ShowState(line, counts, rate);
    }
  }

  void Reload() {
    ReloadRules(session_, *process_stage_);
    if (notify_stage_ != nullptr) ReloadRoutes(session_, *notify_stage_);
  }

  void ShowState(ProgressLine& line, const ProcessCounts& counts, double rate) const {
    RunSummary summary;
    summary.counts = counts;
    char rate_text[32];
    std::snprintf(rate_text, sizeof rate_text, "%.1f", rate);
    const std::int64_t lag = process_->progress().lag;
    if (!line.on_terminal()) {
      LogInfo("up", "state",
              {{"events_per_second", rate_text},
               {"processed", std::to_string(counts.processed)},
               {"alerts_firing", std::to_string(counts.firing_now)},
               {"dead_letters", std::to_string(summary.dead_letters())},
               {"lag", std::to_string(lag)}});
      return;
    }
    const auto seconds = (session_.clock.SteadyUs() - start_us_) / 1'000'000;
    char text[192];
    std::snprintf(text, sizeof text,
                  "%02d:%02d:%02d  %s events/s  %s processed  %s firing  %s dead letters  lag %s",
                  static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                  static_cast<int>(seconds % 60), rate_text, Grouped(counts.processed).c_str(),
                  std::to_string(counts.firing_now).c_str(),
                  Grouped(summary.dead_letters()).c_str(), std::to_string(lag).c_str());
    line.Show(text);
  }

  // In order; an error of a part does not keep the others from ending well. Returns the worst.
  Status Shutdown() {
    LogInfo("up", "stopping: finishing what came in");
    if (generator_.joinable()) {
      generator_.request_stop();
      generator_.join();
      if (!generated_) Note(std::unexpected(generated_.error()));
    }
    server_.reset();  // nobody appends from here on
    web_.reset();
    if (!process_->CatchUp(kCatchUpUs) && !process_->ended()) {
      LogWarning("up", "not everything is processed; the rest follows at the next start");
    }
    Note(process_->Stop());
    if (!failure_) deliver_->CatchUp(kCatchUpUs);
    Note(deliver_->Stop());
    if (notify_) {
      if (!failure_) notify_->CatchUp(kCatchUpUs);
      Note(notify_->Stop());
    }
    Note(failure_ ? batch_->Stop() : batch_->Finish());
    if (failure_) return std::unexpected(*failure_);
    const Settings& settings = session_.settings;
    TOCSIN_ASSIGN(lag_,
                  UncommittedOf(*opened_.log, settings.streaming_group_id, settings.raw_topic));
    TOCSIN_ASSIGN(const std::int64_t raw_end, EndOf(*opened_.log, settings.raw_topic));
    appended_ = raw_end - raw_end_at_start_;
    return {};
  }

  void Note(const Status& status) {
    if (status) return;
    LogError("up", status.error().message());
    const bool worse = !failure_ || (failure_->code() != Code::kDiskError &&
                                     status.error().code() == Code::kDiskError);
    if (worse) failure_ = status.error();
  }

  RunSummary Summary() const {
    RunSummary summary;
    summary.counts = process_stage_->counts();
    summary.seconds = static_cast<double>(session_.clock.SteadyUs() - start_us_) / 1e6;
    return summary;
  }

  std::string StatusJson() const {
    RunSummary summary = Summary();
    summary.lag = process_ ? process_->progress().lag : 0;
    if (options_.demo) summary.generated = generated_so_far_.load();
    return summary.ToJson(session_.metrics);
  }

  void PrintBalance() {
    RunSummary summary = Summary();
    summary.lag = lag_;
    summary.generated = options_.demo ? generated_->events : 0;
    if (opened_.embedded != nullptr) {
      // On a cluster numbers are missing between records, and others append, too.
      summary.waiting = waiting_;
      summary.appended = appended_;
    }
    session_.metrics.Set(Metric::kConsumerLag, lag_);
    TakeLogMetrics(opened_, session_.metrics);
    session_.metrics.Set(Metric::kAlertsDelivered,
                         static_cast<std::int64_t>(deliver_stage_->lines_written()));
    if (options_.demo) session_.metrics.Add(Metric::kEventsGenerated, *summary.generated);
    if (session_.json) {
      session_.out.Line(summary.ToJson(session_.metrics));
    } else {
      session_.out.Write(summary.ToText());
    }
  }

  Session& session_;
  const UpOptions& options_;
  std::int64_t start_us_ = 0;
  std::stop_source wake_;  // ends Watch()
  FaultRates faults_;
  OpenedLog opened_;
  std::unique_ptr<ProcessStage> process_stage_;
  std::unique_ptr<AlertLogStage> deliver_stage_;
  SeededRandom random_{RandomSeed()};
  std::unique_ptr<NotifyStage> notify_stage_;  // null without channels
  ReloadSignal reload_;
  Result<GenerateReport> generated_;
  std::atomic<std::uint64_t> generated_so_far_{0};
  std::int64_t waiting_ = 0;
  std::int64_t raw_end_at_start_ = 0;
  std::int64_t appended_ = 0;
  std::int64_t lag_ = 0;
  std::optional<Error> failure_;
  // Threads last: they end before what they use.
  std::optional<StageThread> process_;
  std::optional<StageThread> deliver_;
  std::optional<StageThread> notify_;
  std::optional<PeriodicBatch> batch_;
  std::jthread generator_;
  std::unique_ptr<LocalServer> server_;
  std::unique_ptr<WebServer> web_;
};

}  // namespace

Result<int> RunUp(Session& session, const UpOptions& options) {
  Pipeline pipeline(session, options);
  return pipeline.Run();
}

}  // namespace tocsin
