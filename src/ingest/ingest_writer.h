#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "config/settings.h"
#include "ingest/ingest.h"
#include "ingest/input_position.h"
#include "ingest/line_framer.h"
#include "log/log.h"
#include "model/event_parser.h"

namespace tocsin {

// Gathers lines of one input at a time and makes them durable, with the input's position, in one
// transaction after the other.
//
// Memory: at most kMaxBytes of lines and one line more. Threads: none but the owner's.
class IngestWriter {
 public:
  static constexpr std::size_t kMaxLines = 10'000;  // per transaction
  static constexpr std::size_t kMaxBytes = 4u << 20;

  // `log`, `clock` and the settings must outlive the writer. kNotFound when the topics are missing.
  static Result<std::unique_ptr<IngestWriter>> Make(const Settings& settings, Log& log,
                                                    const Clock& clock,
                                                    const std::string& acks_path);

  // Takes a line; blank ones are only counted.
  void Add(const FramedLine& line);
  // True when the transaction should be committed now.
  bool full() const { return records_ >= max_records_ || bytes_ >= kMaxBytes; }
  bool empty() const { return lines_ == 0; }             // blank lines count as something to commit
  std::int64_t oldest_us() const { return oldest_us_; }  // steady time of the first line taken

  // Makes the lines taken since the last commit durable and writes the acknowledgement. While
  // ingest is refused it tries again with backoff and says so every five seconds; a stop request
  // then ends it with kCancelled and nothing is written. `positions` may be null.
  Status Commit(const std::string& input, PositionKeeper* positions,
                const std::optional<InputPosition>& position, std::stop_token stop);

  // The same in one attempt: kResourceExhausted while ingest is refused, and nothing is written.
  // `also` may put state into the transaction. Either way the lines taken are forgotten.
  Status CommitNow(const std::function<void(Transaction&)>& also);

  // Forgets the lines taken since the last commit.
  void Forget() { StartNext(); }

  // A smaller limit of records a transaction, for a paced input.
  void LimitRecords(std::size_t records) { max_records_ = records; }
  const IngestReport& report() const { return report_; }

 private:
  IngestWriter(const Settings& settings, Log& log, const Clock& clock);
  void AddTooLarge(const FramedLine& line);
  RecordBatchBuilder& Open(std::vector<RecordBatchBuilder>& batches);
  using AddState = std::function<void(Transaction&)>;
  Result<std::vector<AppendedRange>> CommitOnce(const AddState& add_state);
  Status Acknowledge(const std::string& input, const std::vector<AppendedRange>& ranges);
  void StartNext();

  const Settings& settings_;
  Log& log_;
  const Clock& clock_;
  KeyExtractor keys_;
  // Batches by partition; all but the last of each are full.
  std::vector<std::vector<RecordBatchBuilder>> raw_;
  std::vector<std::vector<RecordBatchBuilder>> dead_;
  std::size_t max_records_ = kMaxLines;
  std::size_t records_ = 0;
  std::size_t too_large_ = 0;
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t blank_ = 0;
  std::uint64_t first_line_ = 0;
  std::uint64_t last_line_ = 0;
  std::int64_t oldest_us_ = 0;
  FileDescriptor acks_;
  std::string acks_path_;
  IngestReport report_;
};

}  // namespace tocsin
