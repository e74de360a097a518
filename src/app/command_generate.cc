#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

#include "app/commands.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "base/text.h"
#include "base/time_text.h"
#include "generate/run_generate.h"

namespace tocsin {
namespace {

struct GenerateFlags {
  std::vector<std::string> sinks = {"stdout"};
  std::string output;
  double rate = -1;
  std::uint64_t max_events = 0;
  std::optional<std::uint64_t> seed;
  std::string start;
  std::string faults;
  std::string labels_out;
};

void PrintReport(Session& session, const GenerateFlags& flags, const GenerateReport& report) {
  session.metrics.Add(Metric::kEventsGenerated, report.events);
  const bool stdout_is_data =
      std::find(flags.sinks.begin(), flags.sinks.end(), "stdout") != flags.sinks.end();
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", report.seconds);
  if (session.json && !stdout_is_data) {
    session.out.Line("{\"generated\":" + std::to_string(report.events) +
                     ",\"bytes\":" + std::to_string(report.bytes) + ",\"seconds\":" + seconds +
                     ",\"metrics\":" + session.metrics.ToJson() + "}");
    return;
  }
  // The events themselves own standard output when they go there.
  const std::string text = "generated " + Grouped(report.events) + " events, " +
                           Grouped(report.bytes) + " bytes in " + seconds + " s\n";
  std::fputs(text.c_str(), stderr);
}

Result<int> RunGenerateCommand(Session& session, const GenerateFlags& flags) {
  const Settings& settings = session.settings;
  GenerateOptions options;
  options.sinks = flags.sinks;
  options.output_path = flags.output;
  options.rate = flags.rate;
  options.interval_seconds = settings.gen_interval_seconds;
  options.max_events = flags.max_events;
  options.seed = flags.seed;
  if (!flags.start.empty()) options.start_us = ParseTime(flags.start);
  options.devices = settings.gen_device_count;
  options.labels_path = flags.labels_out;
  TOCSIN_ASSIGN(options.faults, ParseFaults(flags.faults));
  ProgressLine line("generate", "events", session.clock);
  options.progress = [&](std::uint64_t events) { line.Update(events, events, flags.max_events); };
  OpenedLog opened;
  std::unique_ptr<LocalServer> server;
  const auto needs_log = [](const std::string& sink) { return sink == "log" || sink == "kafka"; };
  if (std::ranges::any_of(flags.sinks, needs_log)) {
    TOCSIN_ASSIGN(opened,
                  OpenLog(settings, session.clock, LogAccess::kShared, "generate", session.stop));
    TOCSIN_ASSIGN(server,
                  ServeLog(settings, opened, [] { return R"({"command":"generate"})"; }, true));
  }
  auto report = RunGenerate(settings, options, opened.log.get(), session.clock, session.stop);
  line.Clear();
  WaitUntilDrained(opened, session.metrics);
  if (!report) return std::unexpected(std::move(report).error());
  PrintReport(session, flags, *report);
  return 0;
}

}  // namespace

void AddGenerateCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("generate", "Events of synthetic devices");
  auto flags = std::make_shared<GenerateFlags>();
  command->add_option("--sink", flags->sinks, "Where the events go: file, log, stdout, http, mqtt")
      ->type_name("SINK,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str("stdout");
  command
      ->add_option("--output", flags->output,
                   "File of the file sink [RAW_DATA_PATH/sensor_log.jsonl]")
      ->type_name("FILE");
  AddSettingFlag(*command, invocation, "--kafka-broker", "KAFKA_BROKER", "HOST:PORT",
                 "Kafka instead of the embedded log");
  AddSettingFlag(*command, invocation, "--kafka-topic", "KAFKA_RAW_TOPIC", "TOPIC",
                 "Topic of the events");
  AddSettingFlag(*command, invocation, "--interval", "GEN_INTERVAL_SECONDS", "SECONDS",
                 "Time between two events of the whole generator");
  command->add_option("--rate", flags->rate, "Events a second; 0 = as fast as it goes")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  AddSettingFlag(*command, invocation, "--devices", "GEN_DEVICE_COUNT", "N", "Number of devices");
  command->add_option("--max-events", flags->max_events, "Stop after so many; 0 = never")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--seed", flags->seed, "The same seed gives the same bytes")->type_name("N");
  command->add_option("--start", flags->start, "Synthetic clock from that time on")
      ->type_name("TIME")
      ->check(CheckTime, "", "");
  command
      ->add_option("--faults", flags->faults,
                   "Probability, per event, that a fault begins: spike=0.001,stuck=0.0005; also "
                   "drift, offline, duplicate, late, malformed, clock_skew")
      ->type_name("SPEC");
  command->add_option("--labels-out", flags->labels_out, "Ground truth of the faults, JSON lines")
      ->type_name("FILE");
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) { return RunGenerateCommand(session, *flags); };
  });
}

}  // namespace tocsin
