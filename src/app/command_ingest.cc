#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "app/commands.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "base/text.h"
#include "ingest/ingest.h"

namespace tocsin {
namespace {

// Bytes of the named files, for the bar; 0 when it cannot be known.
std::uint64_t SizeOf(const std::vector<std::string>& paths) {
  std::uint64_t sum = 0;
  for (const std::string& path : paths) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (error) return 0;
    sum += size;
  }
  return sum;
}

void PrintReport(Session& session, const IngestReport& report) {
  session.metrics.Add(Metric::kEventsIngested, report.appended);
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.3f", report.seconds);
  if (session.json) {
    session.out.Line("{\"lines\":" + std::to_string(report.lines) +
                     ",\"appended\":" + std::to_string(report.appended) +
                     ",\"too_large\":" + std::to_string(report.too_large) +
                     ",\"blank_lines\":" + std::to_string(report.blank_lines) +
                     ",\"bytes\":" + std::to_string(report.bytes) + ",\"seconds\":" + seconds +
                     ",\"metrics\":" + session.metrics.ToJson() + "}");
    return;
  }
  session.out.Line("read " + Grouped(report.lines) + " lines: " + Grouped(report.appended) +
                   " appended to " + session.settings.raw_topic + ", " + Grouped(report.too_large) +
                   " too large (to " + session.settings.dlq_topic + "); " +
                   Grouped(report.blank_lines) + " blank lines skipped; " + Grouped(report.bytes) +
                   " bytes in " + seconds + " s");
}

Result<int> RunIngestCommand(Session& session, IngestOptions options) {
  TOCSIN_ASSIGN(OpenedLog opened, OpenLog(session.settings, session.clock, LogAccess::kShared,
                                          "ingest", session.stop));
  TOCSIN_ASSIGN(const std::unique_ptr<LocalServer> server,
                ServeLog(session.settings, opened, [] { return R"({"command":"ingest"})"; }, true));
  ProgressLine line("ingest", "lines", session.clock);
  const std::uint64_t size = options.follow ? 0 : SizeOf(options.paths);
  options.progress = [&](std::uint64_t lines, std::uint64_t bytes) {
    line.Update(lines, bytes + lines, size);  // every line has its end besides
  };
  auto report = RunIngest(session.settings, options, *opened.log, session.clock, session.stop);
  line.Clear();
  WaitUntilDrained(opened, session.metrics);
  if (!report) return std::unexpected(std::move(report).error());
  PrintReport(session, *report);
  return 0;
}

}  // namespace

void AddIngestCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("ingest", "JSON lines into the raw topic");
  auto options = std::make_shared<IngestOptions>();
  command->add_option("PATH", options->paths, "Files, directories, globs, or - for standard input")
      ->required()
      ->type_name("");
  command->add_option("--rate", options->rate, "Events a second; 0 = as fast as it goes")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--follow", options->follow,
                    "Wait for more at the end of the last file; survives rotation");
  command->add_flag("--from-start", options->from_start, "Ingest again what was ingested before");
  command
      ->add_option("--acks", options->acks_path,
                   "After each durable append, one fsynced line of what is in the log")
      ->type_name("FILE");
  command->callback([options, &invocation] {
    invocation.run = [options](Session& session) { return RunIngestCommand(session, *options); };
  });
}

}  // namespace tocsin
