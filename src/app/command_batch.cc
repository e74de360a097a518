#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "app/commands.h"
#include "app/open_log.h"
#include "app/progress_line.h"
#include "base/file.h"
#include "base/text.h"
#include "batch/batch_job.h"
#include "batch/quality_report.h"
#include "fleet/fleet_directory.h"

namespace tocsin {
namespace {

struct BatchFlags {
  std::vector<std::string> inputs;
  std::string output_dir;
  std::string format = "parquet";
  bool preview = false;
  bool skip_export = false;
  int threads = 0;
  std::string rejects;
  std::string report;
  std::string spill_dir;
  bool since_last = false;
  bool accept_truncated = false;
  int zstd_level = 1;
};

BatchOptions OptionsFor(const Session& session, const BatchFlags& flags) {
  const Settings& settings = session.settings;
  BatchOptions options;
  options.inputs = flags.inputs;
  if (options.inputs.empty()) options.inputs = {settings.batch_input_path};
  options.output_dir = flags.output_dir.empty() ? settings.processed_data_path : flags.output_dir;
  options.csv = flags.format == "csv";
  options.preview = flags.preview;
  options.skip_export = flags.skip_export;
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  options.threads = flags.threads > 0 ? flags.threads : processors;
  options.memory_limit_bytes = settings.batch_memory_bytes;
  options.rejects_path = flags.rejects;
  options.spill_dir = flags.spill_dir;
  options.since_last = flags.since_last;
  options.accept_truncated = flags.accept_truncated;
  options.zstd_level = flags.zstd_level;
  return options;
}

std::string ReportText(const BatchReport& report) {
  std::uint64_t rejected = 0;
  std::string reasons;
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    rejected += report.rejected[i];
    if (report.rejected[i] == 0) continue;
    reasons += reasons.empty() ? "  " : ", ";
    reasons += std::string(RejectReasonName(static_cast<RejectReason>(i))) + " " +
               Grouped(report.rejected[i]);
  }
  char text[1024];
  std::snprintf(text, sizeof text,
                "Balance\n  %-14s %14s\n  %-14s %14s\n  %-14s %14s\n  %-14s %14s%s\n  %-14s %14s\n"
                "%s devices, %s device hours, %.3f s\n",
                "rows read", Grouped(report.rows_read).c_str(), "cleansed",
                Grouped(report.cleansed).c_str(), "duplicates", Grouped(report.duplicates).c_str(),
                "rejected", Grouped(rejected).c_str(), reasons.c_str(), "blank lines",
                Grouped(report.blank_lines).c_str(), Grouped(report.devices).c_str(),
                Grouped(report.hours).c_str(), report.seconds);
  std::string all = text;
  if (report.row_groups_copied > 0) {
    all += Grouped(report.row_groups_copied) + " of " + Grouped(report.row_groups) +
           " row groups copied from the last run\n";
  }
  for (const std::string& output : report.outputs) all += "wrote " + output + "\n";
  return all;
}

Result<int> RunBatchCommand(Session& session, const BatchFlags& flags) {
  TOCSIN_TRY(CheckBuilt(session.settings));
  BatchOptions options = OptionsFor(session, flags);
  TOCSIN_ASSIGN(const std::unique_ptr<FleetDirectory> fleet,
                FleetDirectory::Open(session.settings.fleet_file));
  options.labels = fleet.get();
  OpenedLog opened;
  const bool from_log = std::any_of(options.inputs.begin(), options.inputs.end(),
                                    [](const auto& input) { return input.starts_with("topic:"); });
  if (from_log) {
    TOCSIN_ASSIGN(
        opened, OpenLog(session.settings, session.clock, LogAccess::kRead, "batch", session.stop));
  }
  ProgressLine line("batch", "rows", session.clock);
  options.progress = [&](std::uint64_t rows, std::uint64_t done, std::uint64_t all) {
    line.Update(rows, done, all);
  };
  options.preview_out = [&](const std::string& text) {
    line.Clear();
    // With --json standard output holds the report and nothing else.
    if (session.json) {
      std::fputs(text.c_str(), stderr);
    } else {
      session.out.Write(text);
    }
  };
  std::optional<QualityReport> quality;
  if (!flags.report.empty()) {
    quality.emplace(session.settings.metrics);
    options.quality = &*quality;
  }
  auto report = RunBatch(session.settings, options, opened.log.get(), session.stop);
  line.Clear();
  if (!report) return std::unexpected(std::move(report).error());
  if (quality) {
    TOCSIN_TRY(ReplaceFile(flags.report, flags.report.ends_with(".html")
                                             ? QualityPage(*report, *quality)
                                             : report->ToJson(&*quality) + "\n"));
  }
  session.out.Write(session.json ? report->ToJson() + "\n" : ReportText(*report));
  return 0;
}

}  // namespace

void AddBatchCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command =
      root.add_subcommand("batch", "The batch ETL: cleanse, enrich, aggregate, export");
  auto flags = std::make_shared<BatchFlags>();
  command
      ->add_option("--input", flags->inputs,
                   "Files (.gz and .zst too), directories, globs, - or topic:NAME "
                   "(setting BATCH_INPUT_PATH)")
      ->type_name("PATH");
  command
      ->add_option("--output-dir", flags->output_dir,
                   "Where the tables go (setting PROCESSED_DATA_PATH)")
      ->type_name("DIR");
  command->add_option("--output-format", flags->format, "parquet or csv")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"parquet", "csv"}))
      ->capture_default_str();
  command->add_flag("--preview", flags->preview, "Show the first rows of both tables");
  command->add_flag("--skip-export", flags->skip_export, "Count only, write nothing");
  command->add_option("--threads", flags->threads, "Threads [all processors]")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  AddSettingFlag(*command, invocation, "--memory-limit", "BATCH_MEMORY_LIMIT", "SIZE",
                 "Memory of the rows; beyond it they spill to disk");
  command
      ->add_option("--spill-dir", flags->spill_dir,
                   "Where rows beyond the memory go meanwhile [the output directory]")
      ->type_name("DIR");
  command->add_flag("--since-last", flags->since_last,
                    "Read only what was appended to the files since the last run with it");
  command->add_flag("--accept-truncated", flags->accept_truncated,
                    "Take what is before the end of a .gz or .zst that is cut off");
  command->add_option("--zstd-level", flags->zstd_level, "Compression of Parquet")
      ->type_name("N")
      ->check(CLI::Range(1, 19))
      ->capture_default_str();
  command
      ->add_option("--rejects", flags->rejects,
                   "Rejected rows with their reasons [OUTPUT_DIR/rejects.jsonl]")
      ->type_name("FILE");
  command
      ->add_option("--report", flags->report,
                   "How good the data was: a page when FILE ends in .html, else JSON")
      ->type_name("FILE");
  AddSettingFlag(*command, invocation, "--rules", "RULES_FILE", "FILE", "Rule file");
  command->callback([flags, &invocation] {
    invocation.run = [flags](Session& session) { return RunBatchCommand(session, *flags); };
  });
}

}  // namespace tocsin
