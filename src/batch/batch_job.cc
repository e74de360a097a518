#include "batch/batch_job.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "batch/chunk_parser.h"
#include "batch/device_judge.h"
#include "batch/input_list.h"
#include "batch/open_input.h"
#include "batch/output_file.h"
#include "batch/rejects_writer.h"
#include "batch/row_sorter.h"
#include "batch/tables.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPreviewRows = 10;
constexpr std::size_t kMaxChunkRows = 1 << 20;
constexpr std::uint64_t kProgressRows = 1 << 16;

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

  static Result<OutputFiles> Create(const OutputPaths& paths) {
    TOCSIN_ASSIGN(OutputFile rejects, OutputFile::Create(paths.rejects));
    TOCSIN_ASSIGN(OutputFile cleansed, OutputFile::Create(paths.cleansed));
    TOCSIN_ASSIGN(OutputFile aggregates, OutputFile::Create(paths.aggregates));
    return OutputFiles{std::move(rejects), std::move(cleansed), std::move(aggregates)};
  }
  // All is on disk before the first file takes its place.
  Status Publish() {
    for (OutputFile* file : {&rejects, &cleansed, &aggregates}) TOCSIN_TRY(file->Sync());
    for (OutputFile* file : {&rejects, &cleansed, &aggregates}) TOCSIN_TRY(file->Publish());
    return {};
  }
};

class BatchJob {
 public:
  BatchJob(const Settings& settings, const BatchOptions& options, OutputPaths paths, RuleSet rules,
           Log* log, std::stop_token stop)
      : settings_(settings),
        options_(options),
        paths_(std::move(paths)),
        log_(log),
        stop_(std::move(stop)),
        rules_(std::move(rules)),
        layout_{.metric_count = settings.metrics.size(),
                .condition_words = rules_.words(),
                .has_sequence = rules_.stateful()},
        // An eighth of the limit is for the columns of a row group, another for their encoding, and
        // where rules have functions a quarter for the devices that are judged.
        sorter_(layout_, devices_, MemoryLimit() / 4 * (rules_.stateful() ? 2 : 3),
                paths_.spill_directory) {}

  Result<BatchReport> Run() {
    const std::int64_t begin_us = clock_.SteadyUs();
    TOCSIN_TRY(FindInputs());
    if (!options_.skip_export) {
      TOCSIN_ASSIGN(files_, OutputFiles::Create(paths_));
      TOCSIN_ASSIGN(rejects_, RejectsWriter::Open(files_->rejects.temporary()));
    }
    TOCSIN_TRY(ReadInputs());
    TOCSIN_TRY(WriteTables());
    if (files_) {
      TOCSIN_TRY(rejects_->Finish());
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

  Status FindInputs();
  Status ReadInputs();
  Status Absorb(const RecordSource& source, const ParsedChunk& chunk);
  Status AbsorbRow(const ParsedChunk& chunk, std::size_t row);
  void ReportProgress(std::uint64_t bytes_done);
  std::size_t ChunkRows() const;
  Result<std::unique_ptr<TableOutput>> MakeOutput(TableSchema schema, const OutputFile* file,
                                                  std::size_t chunk_rows);
  Status WriteTables();
  Status FillTables(SortedRows& rows, TableFiller& filler);

  const Settings& settings_;
  const BatchOptions& options_;
  OutputPaths paths_;
  Log* log_;
  std::stop_token stop_;
  SystemClock clock_;
  RuleSet rules_;
  RowLayout layout_;
  DeviceDictionary devices_;
  DeviceDictionary statuses_;
  RowSorter sorter_;
  std::vector<BatchInput> inputs_;
  std::uint64_t bytes_all_ = 0;     // of all inputs; 0 when one is unknown
  std::uint64_t bytes_before_ = 0;  // of the inputs read to their end
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
    known = known && input.name != "-" && input.topic.empty();
  }
  if (!known) bytes_all_ = 0;
  return {};
}

Status BatchJob::ReadInputs() {
  ChunkParser parser(settings_, rules_, options_.threads - 1);
  for (const BatchInput& input : inputs_) {
    TOCSIN_ASSIGN(const std::unique_ptr<RecordSource> source, OpenInput(settings_, input, log_));
    const auto absorb = [this](const RecordSource& from, const ParsedChunk& chunk) {
      return Absorb(from, chunk);
    };
    TOCSIN_TRY(parser.Run(*source, absorb, stop_));
    bytes_before_ += source->bytes_done();
    ReportProgress(bytes_before_);
  }
  return {};
}

Status BatchJob::Absorb(const RecordSource& source, const ParsedChunk& chunk) {
  const EventBatch& events = chunk.events;
  report_.blank_lines += chunk.records.blank_lines;
  report_.rows_read += events.size();
  auto message = events.messages.begin();
  for (std::size_t row = 0; row < events.size(); ++row) {
    const RejectReason reason = events.reject[row];
    if (reason == RejectReason::kNone) {
      TOCSIN_TRY(AbsorbRow(chunk, row));
      continue;
    }
    ++report_.rejected[static_cast<std::size_t>(reason)];
    if (rejects_) {
      TOCSIN_TRY(
          rejects_->Add(chunk.records.input, chunk.records.items[row], reason, message->text));
    }
    ++message;
  }
  if (report_.rows_read >= next_progress_) {
    next_progress_ = report_.rows_read + kProgressRows;
    ReportProgress(bytes_before_ + source.bytes_done());
  }
  return {};
}

Status BatchJob::AbsorbRow(const ParsedChunk& chunk, std::size_t row) {
  const EventBatch& events = chunk.events;
  if (sorter_.full()) TOCSIN_TRY(sorter_.Spill());
  const std::string_view status = events.status[row];
  std::uint64_t* const words = sorter_.Append();
  const std::uint64_t* conditions =
      chunk.conditions.empty() ? nullptr : &chunk.conditions[row * layout_.condition_words];
  SetRowHead(words, events.time_us[row], conditions == nullptr ? 0 : *conditions,
             devices_.Encode(events.device_id[row]),
             status.data() == nullptr ? DeviceDictionary::kUnknown : statuses_.Encode(status));
  for (std::size_t m = 0; m < layout_.metric_count; ++m) {
    SetRowMetric(words, m, events.metrics[m][row]);
  }
  for (std::size_t w = 1; w < layout_.condition_words; ++w) {
    words[layout_.ConditionWord(w)] = conditions == nullptr ? 0 : conditions[w];
  }
  if (layout_.has_sequence) words[layout_.SequenceWord()] = good_rows_;
  ++good_rows_;
  return {};
}

void BatchJob::ReportProgress(std::uint64_t bytes_done) {
  if (options_.progress) options_.progress(report_.rows_read, bytes_done, bytes_all_);
}

std::size_t BatchJob::ChunkRows() const {
  const std::size_t row_bytes = 16 + 8 * layout_.metric_count + rules_.size() + 1;
  const std::size_t chunks = options_.threads > 1 ? 2 : 1;
  return std::clamp<std::size_t>(MemoryLimit() / 8 / chunks / row_bytes, 1024, kMaxChunkRows);
}

Result<std::unique_ptr<TableOutput>> BatchJob::MakeOutput(TableSchema schema,
                                                          const OutputFile* file,
                                                          std::size_t chunk_rows) {
  std::unique_ptr<TableWriter> writer;
  if (file != nullptr) {
    TOCSIN_ASSIGN(writer, options_.csv ? MakeCsvWriter(file->temporary(), schema)
                                       : MakeParquetWriter(file->temporary(), schema));
  }
  return std::make_unique<TableOutput>(std::move(schema), chunk_rows,
                                       options_.preview ? kPreviewRows : 0, std::move(writer),
                                       options_.threads > 1);
}

Status BatchJob::WriteTables() {
  TOCSIN_ASSIGN(const std::unique_ptr<SortedRows> rows, sorter_.Finish());
  const std::size_t chunk_rows = ChunkRows();
  TOCSIN_ASSIGN(const auto cleansed, MakeOutput(CleansedSchema(settings_.metrics, rules_),
                                                files_ ? &files_->cleansed : nullptr, chunk_rows));
  TOCSIN_ASSIGN(const auto aggregates, MakeOutput(AggregatesSchema(settings_.metrics),
                                                  files_ ? &files_->aggregates : nullptr,
                                                  std::max<std::size_t>(chunk_rows / 8, 1024)));
  TableFiller filler(layout_, rules_.size(), devices_, statuses_, *cleansed, *aggregates);
  TOCSIN_TRY(FillTables(*rows, filler));
  TOCSIN_TRY(cleansed->Finish());
  TOCSIN_TRY(aggregates->Finish());
  report_.cleansed = cleansed->rows();
  report_.duplicates = good_rows_ - report_.cleansed;
  report_.devices = devices_.size();
  report_.hours = aggregates->rows();
  if (options_.preview && options_.preview_out) {
    options_.preview_out("cleansed (" + std::to_string(report_.cleansed) + " rows)\n" +
                         cleansed->preview() + "\naggregates (" + std::to_string(report_.hours) +
                         " rows)\n" + aggregates->preview());
  }
  return {};
}

// Equal (device, time) stand next to each other, the first in input order first.
Status BatchJob::FillTables(SortedRows& rows, TableFiller& filler) {
  std::optional<DeviceJudge> judge;
  if (rules_.stateful()) {
    judge.emplace(rules_, layout_, devices_, statuses_, MemoryLimit() / 4, paths_.spill_directory,
                  [&filler](RowView row) { return filler.Add(row); });
  }
  std::uint32_t last_device = DeviceDictionary::kUnknown;
  std::int64_t last_time_us = 0;
  for (std::uint64_t seen = 0; const std::uint64_t* words = rows.Next(); ++seen) {
    if (seen % 8192 == 0 && stop_.stop_requested()) {
      return Fail(Code::kCancelled, "the batch run was stopped; the old outputs stand");
    }
    const RowView row(words);
    if (row.device() == last_device && row.time_us() == last_time_us) continue;
    last_device = row.device();
    last_time_us = row.time_us();
    TOCSIN_TRY(judge ? judge->Add(row) : filler.Add(row));
  }
  TOCSIN_TRY(rows.status());
  if (judge) TOCSIN_TRY(judge->Finish());
  return filler.Finish();
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
