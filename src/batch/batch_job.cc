#include "batch/batch_job.h"

#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "batch/chunk_parser.h"
#include "batch/incremental_state.h"
#include "batch/input_list.h"
#include "batch/kept_groups.h"
#include "batch/output_file.h"
#include "batch/quality_report.h"
#include "batch/rejects_writer.h"
#include "batch/row_intake.h"
#include "batch/table_builder.h"
#include "batch/table_task.h"
#include "batch/tables.h"
#include "rule/program.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPreviewRows = 10;
constexpr std::uint64_t kTargetRows = 256 * 1024;  // of a partition and so of a row group
constexpr std::uint64_t kMaxRows = 1 << 20;
constexpr std::uint64_t kLeastRows = 64;
constexpr std::uint64_t kProgressRows = 1 << 16;
constexpr std::size_t kLeastDictionaryBytes = 1 << 20;
// To be raised when the same rows, rules and settings give other tables than before within one
// version of the program.
constexpr std::uint64_t kTablesVersion = 1;

// Where the outputs go, with the extension of their format.
struct OutputPaths {
  std::string cleansed;
  std::string aggregates;
  std::string rejects;
  std::string spill_directory;
};

Result<OutputPaths> ResolvePaths(const Settings& settings, const BatchOptions& options) {
  const fs::path directory =
      options.output_dir.empty() ? settings.processed_data_path : options.output_dir;
  const auto table = [&](const std::string& name) {
    fs::path path = directory / name;
    if (options.csv) path.replace_extension(".csv");
    return path.string();
  };
  OutputPaths paths;
  paths.cleansed = table(settings.batch_cleansed_filename);
  paths.aggregates = table(settings.batch_agg_filename);
  paths.rejects =
      options.rejects_path.empty() ? (directory / "rejects.jsonl").string() : options.rejects_path;
  paths.spill_directory = !options.spill_dir.empty() ? options.spill_dir
                          : options.skip_export      ? fs::temp_directory_path().string()
                                                     : directory.string();
  if (paths.cleansed == paths.aggregates || paths.cleansed == paths.rejects ||
      paths.aggregates == paths.rejects) {
    return Fail(Code::kConfiguration,
                "two outputs of the batch job have one path: " + paths.cleansed + ", " +
                    paths.aggregates + ", " + paths.rejects + "; name them apart");
  }
  return paths;
}

// The files of one run, made at its beginning and published at its end.
struct OutputFiles {
  OutputFile rejects;
  OutputFile cleansed;
  OutputFile aggregates;
  std::optional<OutputFile> state;

  static Result<OutputFiles> Create(const OutputPaths& paths, bool with_state) {
    TOCSIN_ASSIGN(OutputFile rejects, OutputFile::Create(paths.rejects));
    TOCSIN_ASSIGN(OutputFile cleansed, OutputFile::Create(paths.cleansed));
    TOCSIN_ASSIGN(OutputFile aggregates, OutputFile::Create(paths.aggregates));
    OutputFiles files{std::move(rejects), std::move(cleansed), std::move(aggregates), {}};
    if (with_state) {
      TOCSIN_ASSIGN(files.state, OutputFile::Create(IncrementalState::PathFor(paths.cleansed)));
    }
    return files;
  }
  // All is on disk before the first file takes its place. The state goes last: a run that ends
  // between the files is made good by the next one, which reads the same part again.
  Status Publish() {
    std::vector<OutputFile*> files = {&rejects, &cleansed, &aggregates};
    if (state) files.push_back(&*state);
    for (OutputFile* file : files) TOCSIN_TRY(file->Sync());
    for (OutputFile* file : files) TOCSIN_TRY(file->Publish());
    return {};
  }
};

Status RemoveFile(const std::string& path) {
  std::error_code error;
  fs::remove(path, error);
  if (!error) return {};
  return Fail(Code::kDiskError, path + " cannot be removed: " + error.message());
}

class BatchJob final : private ChunkUser {
 public:
  BatchJob(const Settings& settings, const BatchOptions& options, OutputPaths paths, RuleSet rules,
           Log* log, std::stop_token stop)
      : settings_(settings),
        options_(options),
        paths_(std::move(paths)),
        log_(log),
        stop_(std::move(stop)),
        threads_(static_cast<std::size_t>(std::max(options.threads, 1))),
        rules_(std::move(rules)),
        most_rows_(MostRows()),
        rows_({.rows = {.metric_count = settings.metrics.size(),
                        .memory_bytes = MemoryLimit() / 4,
                        .target_rows = std::min<std::uint64_t>(kTargetRows, most_rows_ * 2 / 3),
                        .spill_directory = paths_.spill_directory},
               // The state of a run has the dictionaries whole.
               .dictionary_bytes =
                   options.since_last ? 0 : std::max(MemoryLimit() / 4, kLeastDictionaryBytes),
               .text_bytes = MemoryLimit() / 8}) {}

  Result<BatchReport> Run() {
    const std::int64_t begin_us = clock_.SteadyUs();
    TOCSIN_TRY(FindInputs());
    if (options_.since_last) TOCSIN_TRY(BeginAtLastRun());
    if (!options_.skip_export) {
      TOCSIN_ASSIGN(files_, OutputFiles::Create(paths_, options_.since_last));
      TOCSIN_ASSIGN(rejects_, RejectsWriter::Open(files_->rejects.temporary()));
      TOCSIN_TRY(rejects_->CopyHead(paths_.rejects, state_.rejects_bytes));
    }
    TOCSIN_TRY(ReadInputs());
    if (files_) TOCSIN_TRY(rejects_->Finish());
    if (files_ && files_->state) TOCSIN_TRY(BeginState());
    TOCSIN_TRY(WriteTables());
    if (state_out_) TOCSIN_TRY(state_out_->Finish());
    if (files_) {
      if (!options_.since_last) {
        // The tables are about to be others than those that the state goes with.
        TOCSIN_TRY(RemoveFile(IncrementalState::PathFor(paths_.cleansed)));
      }
      TOCSIN_TRY(files_->Publish());
      report_.outputs = {paths_.cleansed, paths_.aggregates, paths_.rejects};
    }
    report_.seconds = static_cast<double>(clock_.SteadyUs() - begin_us) / 1e6;
    return report_;
  }

 private:
  std::size_t MemoryLimit() const {
    return static_cast<std::size_t>(std::max<std::int64_t>(options_.memory_limit_bytes, 0));
  }

  // Rows that one thread sorts and encodes at a time: three eighths of the limit are for that.
  std::uint64_t MostRows() const {
    const std::size_t row_bytes = TableBuilder::RowBytes(settings_.metrics.size(), rules_);
    return std::clamp<std::uint64_t>(MemoryLimit() / 8 * 3 / threads_ / row_bytes, kLeastRows,
                                     kMaxRows);
  }

  Status FindInputs();
  Status BeginAtLastRun();
  Status BeginState();
  std::optional<std::uint64_t> TablesFingerprint() const;
  Status ReadInputs();
  void Prepare(ParsedChunk& chunk, LocalDictionaries& local) override;
  Status Absorb(ParsedChunk& chunk) override;
  void ReportProgress(std::uint64_t bytes_done);
  Result<std::unique_ptr<TableOutput>> MakeOutput(TableSchema schema, const OutputFile* file,
                                                  std::size_t chunk_rows);
  Status WriteRows(CodedRows& part, TableOutput& cleansed, TableOutput& aggregates);
  Status WriteTables();

  const Settings& settings_;
  const BatchOptions& options_;
  OutputPaths paths_;
  Log* log_;
  std::stop_token stop_;
  const std::size_t threads_;
  SystemClock clock_;
  RuleSet rules_;
  const std::uint64_t most_rows_;
  RowIntake rows_;
  std::vector<BatchInput> inputs_;
  IncrementalState state_;
  std::optional<PartWriter> state_out_;
  std::optional<KeptGroups> kept_;    // of the last run, where they suit this one
  std::vector<std::uint64_t> lines_;  // of each input, when it was read
  std::uint64_t bytes_done_ = 0;      // of the inputs
  std::uint64_t bytes_all_ = 0;       // of all inputs; 0 when one is unknown
  std::uint64_t next_progress_ = kProgressRows;
  std::uint64_t good_rows_ = 0;
  std::optional<OutputFiles> files_;
  std::optional<RejectsWriter> rejects_;
  BatchReport report_;
};

Status BatchJob::FindInputs() {
  const std::vector<std::string> named =
      options_.inputs.empty() ? std::vector{settings_.batch_input_path} : options_.inputs;
  TOCSIN_ASSIGN(inputs_, ExpandInputs(named, paths_.rejects));
  bool known = true;
  for (const BatchInput& input : inputs_) {
    bytes_all_ += input.stored_bytes;
    const bool is_file = input.name != "-" && input.topic.empty();
    known = known && is_file;
    // One that cannot be read is found before the work begins. A pipe is opened only once.
    std::error_code error;
    if (is_file && fs::is_regular_file(input.name, error)) TOCSIN_TRY(OpenByteSource(input.name));
  }
  if (!known) bytes_all_ = 0;
  return {};
}

Status BatchJob::ReadInputs() {
  ChunkParser parser(settings_, inputs_, {.accept_truncated = options_.accept_truncated}, log_);
  TOCSIN_TRY(parser.Run(options_.threads, *this, stop_));
  lines_ = parser.lines();
  ReportProgress(bytes_done_);
  return {};
}

// The rows of the last run go in first; of the inputs only their new parts are read.
Status BatchJob::BeginAtLastRun() {
  CodedRows& rows = rows_.coded();
  TOCSIN_ASSIGN(const bool known,
                state_.Read(IncrementalState::PathFor(paths_.cleansed), settings_,
                            rows.devices.codes(), rows.statuses.codes(), rows.partitioner));
  if (known) {
    report_.rows_read = state_.rows_read;
    report_.blank_lines = state_.blank_lines;
    good_rows_ = state_.good_rows;
    std::ranges::copy(state_.rejected, report_.rejected);
    // The report of quality looks at every row.
    const std::optional<std::uint64_t> tables = TablesFingerprint();
    if (tables && state_.tables == *tables && options_.quality == nullptr &&
        !options_.skip_export) {
      kept_.emplace(paths_.cleansed, state_.groups());
    }
  }
  TOCSIN_TRY(state_.FindNewParts(inputs_));
  std::erase_if(inputs_, [](const BatchInput& input) {
    return input.from_bytes > 0 && input.from_bytes == input.to_bytes;
  });
  bytes_all_ = 0;
  for (const BatchInput& input : inputs_) bytes_all_ += input.stored_bytes;
  return {};
}

// The groups of the tables follow as they are written.
Status BatchJob::BeginState() {
  state_.settings = IncrementalState::FingerprintOf(settings_);
  state_.tables = TablesFingerprint().value_or(0);
  state_.rows_read = report_.rows_read;
  state_.blank_lines = report_.blank_lines;
  state_.good_rows = good_rows_;
  state_.rejects_bytes = rejects_->bytes();
  std::ranges::copy(report_.rejected, state_.rejected);
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    TOCSIN_TRY(state_.Remember(inputs_[i], lines_[i]));
  }
  TOCSIN_ASSIGN(state_out_, IncrementalState::Create(files_->state->temporary()));
  CodedRows& rows = rows_.coded();
  return state_.Write(*state_out_, rows.devices.codes(), rows.statuses.codes(), rows.partitioner);
}

// Of what both tables are made of given rows by. None when that can be another thing in the next
// run, unseen here: rules look at labels of devices.
std::optional<std::uint64_t> BatchJob::TablesFingerprint() const {
  if (std::ranges::any_of(rules_.program().texts(), &TextComparison::reads_label)) return {};
  std::string text = options_.csv ? "csv" : "parquet";
  // Another release may judge otherwise, or encode better.
  PutBytes(text, TOCSIN_VERSION);
  PutVarint(text, kTablesVersion);
  PutVarint(text, static_cast<std::uint64_t>(options_.zstd_level));
  for (std::size_t rule = 0; rule < rules_.size(); ++rule) {
    PutBytes(text, rules_.rule(rule).flag_column);
    PutBytes(text, rules_.rule(rule).version);
  }
  return XXH3_64bits(text.data(), text.size());
}

// The rows become segments of partitions, and the rest lines of rejects.
void BatchJob::Prepare(ParsedChunk& chunk, LocalDictionaries& local) {
  rows_.Prepare(chunk, local);
  chunk.rejects.clear();
  if (!rejects_) return;
  for (const EventBatch::Message& message : chunk.events.messages) {
    RejectsWriter::AppendLine(chunk.records.input, chunk.records.items[message.row],
                              chunk.events.reject[message.row], message.text, chunk.rejects);
  }
}

Status BatchJob::Absorb(ParsedChunk& chunk) {
  const EventBatch& events = chunk.events;
  report_.blank_lines += chunk.records.blank_lines;
  report_.rows_read += events.size();
  for (const EventBatch::Message& message : events.messages) {
    ++report_.rejected[static_cast<std::size_t>(events.reject[message.row])];
  }
  if (rejects_ && !chunk.rejects.empty()) TOCSIN_TRY(rejects_->Add(chunk.rejects));
  TOCSIN_TRY(rows_.Append(chunk, chunk.bytes_done, bytes_all_));
  good_rows_ += chunk.rows.size();
  bytes_done_ = chunk.bytes_done;
  if (report_.rows_read >= next_progress_) {
    next_progress_ = report_.rows_read + kProgressRows;
    ReportProgress(chunk.bytes_done);
  }
  return {};
}

void BatchJob::ReportProgress(std::uint64_t bytes_done) {
  if (options_.progress) options_.progress(report_.rows_read, bytes_done, bytes_all_);
}

Result<std::unique_ptr<TableOutput>> BatchJob::MakeOutput(TableSchema schema,
                                                          const OutputFile* file,
                                                          std::size_t chunk_rows) {
  std::unique_ptr<TableWriter> writer;
  if (file != nullptr) {
    TOCSIN_ASSIGN(writer, options_.csv
                              ? MakeCsvWriter(file->temporary(), schema)
                              : MakeParquetWriter(file->temporary(), schema, options_.zstd_level));
  }
  return std::make_unique<TableOutput>(std::move(schema), chunk_rows,
                                       options_.preview ? kPreviewRows : 0, std::move(writer));
}

Status BatchJob::WriteRows(CodedRows& part, TableOutput& cleansed, TableOutput& aggregates) {
  TOCSIN_ASSIGN(std::vector<PartitionRange> ranges,
                part.partitioner.Finish(most_rows_, !rules_.stateful(),
                                        kept_ ? kept_->groups() : std::span<const KeptGroup>()));
  TableTask::Shared shared = {.rules = rules_,
                              .metrics = settings_.metrics,
                              .devices = part.devices.codes(),
                              .statuses = part.statuses.codes(),
                              .cleansed = cleansed,
                              .aggregates = aggregates,
                              .most_rows = most_rows_,
                              .large_bytes = MemoryLimit() / 4,
                              .spill_directory = paths_.spill_directory};
  if (options_.quality != nullptr) {
    shared.repeated = [quality = options_.quality](std::string_view device, std::uint64_t rows) {
      quality->AddRepeats(device, rows);
    };
  }
  if (kept_) shared.kept = &*kept_;
  if (state_out_ && TablesFingerprint()) {
    shared.keep = [this](const KeptGroup& group) {
      return IncrementalState::WriteGroup(*state_out_, group);
    };
  }
  TOCSIN_TRY(TableTask::RunAll(shared, std::move(ranges), threads_, stop_));
  report_.row_groups_copied += shared.taken_over;
  return {};
}

Status BatchJob::WriteTables() {
  TOCSIN_ASSIGN(const auto cleansed, MakeOutput(CleansedSchema(settings_.metrics, rules_),
                                                files_ ? &files_->cleansed : nullptr, most_rows_));
  TOCSIN_ASSIGN(const auto aggregates, MakeOutput(AggregatesSchema(settings_.metrics),
                                                  files_ ? &files_->aggregates : nullptr,
                                                  std::max<std::uint64_t>(most_rows_ / 8, 64)));
  QualityReport* const quality = options_.quality;
  if (quality != nullptr) {
    cleansed->ObserveBy([quality](const TableChunk& chunk) { quality->AddRows(chunk); });
  }
  const auto write = [&](CodedRows& part) -> Status {
    TOCSIN_TRY(WriteRows(part, *cleansed, *aggregates));
    report_.devices += part.devices.codes().size();
    // Their texts go with the part.
    TOCSIN_TRY(cleansed->Flush());
    return aggregates->Flush();
  };
  TOCSIN_TRY(rows_.ForEachPart(write));
  TOCSIN_TRY(cleansed->Finish());
  TOCSIN_TRY(aggregates->Finish());
  if (quality != nullptr) quality->Finish();
  report_.cleansed = cleansed->rows();
  report_.duplicates = good_rows_ - report_.cleansed;
  report_.hours = aggregates->rows();
  report_.row_groups = cleansed->chunks();
  if (options_.preview && options_.preview_out) {
    options_.preview_out("cleansed (" + std::to_string(report_.cleansed) + " rows)\n" +
                         cleansed->preview() + "\naggregates (" + std::to_string(report_.hours) +
                         " rows)\n" + aggregates->preview());
  }
  return {};
}

}  // namespace

Result<BatchReport> RunBatch(const Settings& settings, const BatchOptions& options, Log* log,
                             std::stop_token stop) {
  TOCSIN_ASSIGN(OutputPaths paths, ResolvePaths(settings, options));
  TOCSIN_ASSIGN(RuleSet rules, RuleSet::ForSettings(settings, options.labels));
  return BatchJob(settings, options, std::move(paths), std::move(rules), log, std::move(stop))
      .Run();
}

}  // namespace tocsin
