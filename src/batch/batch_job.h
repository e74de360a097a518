#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "log/log.h"
#include "model/reject_reason.h"
#include "rule/rule_set.h"

namespace tocsin {

class QualityReport;

struct BatchOptions {
  std::vector<std::string> inputs;  // files, directories, globs, "-", "topic:NAME"
  std::string output_dir;
  bool csv = false;          // else Parquet
  bool preview = false;      // first rows of both tables to `preview_out`
  bool skip_export = false;  // count only, write nothing
  int threads = 1;
  std::int64_t memory_limit_bytes = 512LL << 20;  // of row data; beyond it rows spill to disk
  std::string rejects_path;                       // empty = OUTPUT_DIR/rejects.jsonl
  std::string spill_dir;                          // empty = output_dir
  // Only what was appended to the inputs since the last run with it; the tables are of all rows.
  bool since_last = false;
  bool accept_truncated = false;        // take what is before the end of compressed bytes cut off
  int zstd_level = 1;                   // of Parquet
  const LabelSource* labels = nullptr;  // of the devices, for rules; must outlive the run
  std::function<void(const std::string& text)> preview_out;
  QualityReport* quality = nullptr;  // filled when it is there; must outlive the run
  std::function<void(std::uint64_t rows, std::uint64_t bytes_done, std::uint64_t bytes_all)>
      progress;
};

// The balance: rows_read = cleansed + duplicates + sum(rejected). Blank lines are apart.
struct BatchReport {
  std::uint64_t rows_read = 0;
  std::uint64_t blank_lines = 0;
  std::uint64_t cleansed = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t rejected[kRejectReasonCount] = {};
  std::uint64_t devices = 0;
  std::uint64_t hours = 0;              // rows of the aggregates: device × hour
  std::uint64_t row_groups = 0;         // of the cleansed table
  std::uint64_t row_groups_copied = 0;  // of these, with since_last: from the table of the last run
  double seconds = 0;
  std::vector<std::string> outputs;
  // Keys of the contract, and behind them those of `quality` when it is there.
  std::string ToJson(const QualityReport* quality = nullptr) const;
};

// The batch ETL: cleanse, drop repeats, enrich, aggregate; cleansed and aggregates tables and
// rejects.jsonl, which appear whole or not at all. Memory stays within the limit plus the
// dictionaries of devices and status texts: rows are kept in compact form in partitions that spill
// to a temporary file. The rows of the outputs and their order are the same for any limit and any
// number of threads.
//
// The flags are what the rules in force (RuleSet::ForSettings) say at the cleansed events of each
// device in the order of the input: as the stream judges them. Repeats are dropped first.
//
// `log` is needed for topic inputs only (may be null otherwise). Errors: kConfiguration for a rule
// file with mistakes (all of them), kNotFound for a missing input (named), kDiskError for an output
// that cannot be written, kCancelled when stopped: then the old outputs stand.
Result<BatchReport> RunBatch(const Settings& settings, const BatchOptions& options, Log* log,
                             std::stop_token stop);

}  // namespace tocsin
