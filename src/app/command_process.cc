#include <CLI/CLI.hpp>
#include <optional>

#include "app/commands.h"
#include "app/desk.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "app/reload_signal.h"
#include "app/run_summary.h"
#include "app/stage_thread.h"
#include "base/logging.h"
#include "base/wait.h"
#include "config/units.h"
#include "deliver/alert_log_stage.h"
#include "process/process_stage.h"

// `process` and `deliver`: one stage alone.
namespace tocsin {
namespace {

constexpr std::int64_t kLookUs = 50'000;
constexpr std::int64_t kMessageUs = 10'000'000;

struct StageFlags {
  bool until_caught_up = false;
  std::string run_for;
};

void AddStageFlags(CLI::App& command, StageFlags& flags) {
  command.add_flag("--until-caught-up", flags.until_caught_up,
                   "Stop when everything is done that was in the log at the start");
  command.add_option("--run-for", flags.run_for, "Stop after this time")
      ->type_name("DURATION")
      ->check(CheckDuration, "", "");
}

// Waits until the stage ends by itself, the time is over or a stop is requested.
void WaitForEnd(Session& session, const StageFlags& flags, const char* name,
                const StageThread& thread, const std::function<void()>& look = {}) {
  ProgressLine line(name, "records", session.clock);
  const std::int64_t start_us = session.clock.SteadyUs();
  const std::int64_t run_us =
      flags.run_for.empty() ? 0 : ParseDurationUs(flags.run_for).value_or(0);
  std::int64_t message_us = start_us + kMessageUs;
  while (!thread.ended() && WaitUs(kLookUs, session.stop)) {
    if (look) look();
    const std::int64_t now_us = session.clock.SteadyUs();
    if (run_us > 0 && now_us - start_us >= run_us) return;
    const Runner::Progress progress = thread.progress();
    if (line.on_terminal()) {
      const auto lag = static_cast<std::uint64_t>(progress.lag);
      line.Update(progress.records, progress.records, progress.records + lag);
    } else if (now_us >= message_us) {
      message_us = now_us + kMessageUs;
      LogInfo(name, "running",
              {{"records", std::to_string(progress.records)},
               {"commits", std::to_string(progress.commits)},
               {"lag", std::to_string(progress.lag)},
               {"lag_seconds", std::to_string(progress.lag_us / 1'000'000)}});
    }
  }
}

Result<int> RunProcess(Session& session, const StageFlags& flags) {
  const std::int64_t start_us = session.clock.SteadyUs();
  TOCSIN_ASSIGN(OpenedLog opened, OpenLog(session.settings, session.clock, LogAccess::kExclusive,
                                          "process", session.stop));
  TOCSIN_ASSIGN(
      const std::unique_ptr<ProcessStage> stage,
      ProcessStage::Make(session.settings, session.clock, session.metrics, !flags.until_caught_up));
  TOCSIN_ASSIGN(
      const std::unique_ptr<LocalServer> server,
      ServeLog(session.settings, opened, [] { return R"({"command":"process"})"; }, false));
  RunnerOptions options = ProcessRunnerOptions(session.settings, opened.private_directory);
  options.until_caught_up = flags.until_caught_up;
  StageThread thread(*opened.log, *stage, session.clock, options, [] {});
  ReloadSignal reload;
  WaitForEnd(session, flags, "process", thread, [&] {
    if (reload.Take()) ReloadRules(session, *stage);
  });
  TOCSIN_TRY(thread.Stop());
  RunSummary summary;
  summary.counts = stage->counts();
  TOCSIN_ASSIGN(summary.lag, UncommittedOf(*opened.log, options.group, options.topic));
  summary.seconds = static_cast<double>(session.clock.SteadyUs() - start_us) / 1e6;
  session.metrics.Set(Metric::kConsumerLag, summary.lag);
  session.metrics.Set(Metric::kConsumerLagSeconds,
                      summary.lag == 0 ? 0 : thread.progress().lag_us / 1'000'000);
  TakeLogMetrics(opened, session.metrics);
  session.out.Write(session.json ? summary.ToJson(session.metrics) + "\n" : summary.ToText());
  return 0;
}

// The notifications go their own way beside the alert log: another group, another thread.
class Notifying {
 public:
  Status Start(Session& session, Log& log) {
    TOCSIN_ASSIGN(stage_, MakeNotifyStage(session, random_, log));
    return {};
  }
  NotifyStage* stage() { return stage_.get(); }
  void Run(Session& session, const OpenedLog& opened, bool until_caught_up) {
    if (stage_ == nullptr) return;
    RunnerOptions options = NotifyRunnerOptions(session.settings, opened.private_directory);
    options.until_caught_up = until_caught_up;
    thread_.emplace(*opened.log, *stage_, session.clock, options, [] {});
  }
  // Until it or, unless that may, `other` ends by itself, or a stop is requested; reloads on
  // SIGHUP meanwhile.
  void Wait(Session& session, std::int64_t run_us, const StageThread& other, bool other_may_end) {
    const std::int64_t start_us = session.clock.SteadyUs();
    while (thread_ && !thread_->ended() && WaitUs(kLookUs, session.stop)) {
      if (other.ended() && !other_may_end) return;
      if (reload_.Take()) ReloadRoutes(session, *stage_);
      if (run_us > 0 && session.clock.SteadyUs() - start_us >= run_us) return;
    }
  }
  Status Stop() { return thread_ ? thread_->Stop() : Status(); }

 private:
  SeededRandom random_{RandomSeed()};
  ReloadSignal reload_;
  std::unique_ptr<NotifyStage> stage_;
  std::optional<StageThread> thread_;
};

std::string DeliverJson(const Session& session, std::uint64_t lines, std::int64_t lag) {
  const auto notified = session.metrics.Get(
      Metric::kNotificationAttempts, static_cast<std::size_t>(SendResult::Outcome::kDelivered));
  return "{\"delivered\":" + std::to_string(lines) + ",\"lag\":" + std::to_string(lag) +
         ",\"notified\":" + std::to_string(notified) +
         ",\"dead\":" + std::to_string(session.metrics.Get(Metric::kNotificationsDead)) +
         ",\"open\":" + std::to_string(session.metrics.Get(Metric::kNotificationsOpen)) +
         ",\"metrics\":" + session.metrics.ToJson() + "}";
}

Result<int> RunDeliver(Session& session, const StageFlags& flags) {
  const Settings& settings = session.settings;
  TOCSIN_ASSIGN(OpenedLog opened,
                OpenLog(settings, session.clock, LogAccess::kExclusive, "deliver", session.stop));
  TOCSIN_ASSIGN(const std::unique_ptr<AlertLogStage> stage,
                AlertLogStage::Make(AlertLogOptionsFor(settings)));
  Notifying notifying;
  TOCSIN_TRY(notifying.Start(session, *opened.log));
  TOCSIN_ASSIGN(const std::unique_ptr<LocalServer> server,
                ServeLog(
                    settings, opened, [] { return R"({"command":"deliver"})"; }, false,
                    DeskControl(notifying.stage())));
  RunnerOptions options = DeliverRunnerOptions(settings, opened.private_directory);
  options.until_caught_up = flags.until_caught_up;
  const std::int64_t run_us =
      flags.run_for.empty() ? 0 : ParseDurationUs(flags.run_for).value_or(0);
  StageThread thread(*opened.log, *stage, session.clock, options, [] {});
  notifying.Run(session, opened, flags.until_caught_up);
  if (notifying.stage() == nullptr || flags.until_caught_up) {
    WaitForEnd(session, flags, "deliver", thread);
  }
  notifying.Wait(session, run_us, thread, flags.until_caught_up);
  const Status logged = thread.Stop();
  TOCSIN_TRY(notifying.Stop());
  TOCSIN_TRY(Status(logged));
  session.metrics.Add(Metric::kAlertsDelivered, stage->lines_written());
  TOCSIN_ASSIGN(const std::int64_t lag, UncommittedOf(*opened.log, options.group, options.topic));
  if (session.json) {
    session.out.Line(DeliverJson(session, stage->lines_written(), lag));
  } else {
    session.out.Line(std::to_string(stage->lines_written()) + " alert records written to " +
                     settings.alert_log_path + ", lag " + std::to_string(lag));
  }
  return 0;
}

}  // namespace

void AddProcessCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("process", "The stream processor alone");
  auto flags = std::make_shared<StageFlags>();
  AddStageFlags(*command, *flags);
  AddSettingFlag(*command, invocation, "--rules", "RULES_FILE", "FILE", "Rule file");
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) { return RunProcess(session, *flags); };
  });
}

void AddDeliverCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("deliver", "The alert dispatcher alone");
  auto flags = std::make_shared<StageFlags>();
  AddStageFlags(*command, *flags);
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) { return RunDeliver(session, *flags); };
  });
}

}  // namespace tocsin
