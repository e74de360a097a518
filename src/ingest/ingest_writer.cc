#include "ingest/ingest_writer.h"

#include <fcntl.h>

#include <algorithm>
#include <map>

#include "base/json_text.h"
#include "base/logging.h"
#include "base/wait.h"
#include "log/dead_letter.h"
#include "log/partitioner.h"
#include "model/reject_reason.h"

namespace tocsin {
namespace {

constexpr std::int64_t kFirstBackoffUs = 50'000;
constexpr std::int64_t kLastBackoffUs = 2'000'000;
constexpr std::int64_t kWarningIntervalUs = 5'000'000;

Status AppendAll(Transaction& transaction, const std::string& topic,
                 const std::vector<std::vector<RecordBatchBuilder>>& partitions) {
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    for (const RecordBatchBuilder& batch : partitions[i]) {
      if (batch.empty()) continue;
      RecordBatchBuilder copy = batch;  // the original stays, for the case of a refusal
      TOCSIN_TRY(transaction.Append({topic, static_cast<std::int32_t>(i)}, copy));
    }
  }
  return {};
}

}  // namespace

IngestWriter::IngestWriter(const Settings& settings, Log& log, const Clock& clock)
    : settings_(settings), log_(log), clock_(clock) {}

Result<std::unique_ptr<IngestWriter>> IngestWriter::Make(const Settings& settings, Log& log,
                                                         const Clock& clock,
                                                         const std::string& acks_path) {
  std::unique_ptr<IngestWriter> writer(new IngestWriter(settings, log, clock));
  TOCSIN_ASSIGN(const std::int32_t raw, PartitionCount(log, settings.raw_topic));
  TOCSIN_ASSIGN(const std::int32_t dead, PartitionCount(log, settings.dlq_topic));
  writer->raw_.resize(static_cast<std::size_t>(raw));
  writer->dead_.resize(static_cast<std::size_t>(dead));
  if (!acks_path.empty()) {
    TOCSIN_ASSIGN(writer->acks_, OpenFile(acks_path, O_WRONLY | O_CREAT | O_APPEND));
    writer->acks_path_ = acks_path;
  }
  return writer;
}

RecordBatchBuilder& IngestWriter::Open(std::vector<RecordBatchBuilder>& batches) {
  if (batches.empty() || batches.back().full()) batches.emplace_back();
  return batches.back();
}

void IngestWriter::Add(const FramedLine& line) {
  if (lines_++ == 0) {
    first_line_ = line.number;
    oldest_us_ = clock_.SteadyUs();
  }
  last_line_ = line.number;
  if (line.blank) {
    ++blank_;
    return;
  }
  ++records_;
  bytes_ += line.bytes.size();
  if (line.too_large) {
    AddTooLarge(line);
    return;
  }
  const std::string_view device = keys_.DeviceId(line.bytes);
  const auto count = static_cast<std::int32_t>(raw_.size());
  const std::int32_t partition = PartitionOf(device.empty() ? line.bytes : device, count);
  RecordBatchBuilder& batch = Open(raw_[static_cast<std::size_t>(partition)]);
  if (device.empty()) {
    batch.Append(std::nullopt, line.bytes);
  } else {
    batch.Append(device, line.bytes);
  }
}

void IngestWriter::AddTooLarge(const FramedLine& line) {
  ++too_large_;
  const std::string message = "the line has " + std::to_string(line.size) +
                              " bytes; MAX_EVENT_BYTES allows " +
                              std::to_string(settings_.max_event_bytes);
  DeadLetter letter;
  letter.reason = RejectReasonName(RejectReason::kTooLarge);
  letter.message = message;
  letter.topic = settings_.raw_topic;
  letter.stage = "ingest";
  if (line.bytes.size() < line.size) letter.truncated_from = static_cast<std::int64_t>(line.size);
  const auto count = static_cast<std::int32_t>(dead_.size());
  const auto partition = static_cast<std::size_t>(PartitionOf(line.bytes, count));
  Open(dead_[partition]).Append(std::nullopt, line.bytes, DeadLetterHeaders(letter));
}

Status IngestWriter::Commit(const std::string& input, PositionKeeper* positions,
                            const std::optional<InputPosition>& position, std::stop_token stop) {
  if (empty()) return {};
  std::int64_t backoff_us = kFirstBackoffUs;
  std::int64_t warned_us = clock_.SteadyUs() - kWarningIntervalUs;
  for (;;) {
    auto ranges = CommitOnce([&](Transaction& transaction) {
      if (positions != nullptr && position) positions->Put(transaction, *position);
    });
    if (ranges) {
      TOCSIN_TRY(Acknowledge(input, *ranges));
      StartNext();
      return {};
    }
    if (ranges.error().code() != Code::kResourceExhausted) {
      return std::unexpected(std::move(ranges).error());
    }
    const std::int64_t now_us = clock_.SteadyUs();
    if (now_us - warned_us >= kWarningIntervalUs) {
      LogWarning("ingest", "ingest is refused; waiting until there is room",
                 {{"input", input}, {"reason", ranges.error().message()}});
      warned_us = now_us;
    }
    if (!WaitUs(backoff_us, stop)) {
      return Fail(Code::kCancelled, "stopped while ingest is refused: " + ranges.error().message());
    }
    backoff_us = std::min(backoff_us * 2, kLastBackoffUs);
  }
}

Status IngestWriter::CommitNow(const std::function<void(Transaction&)>& also) {
  const auto ranges = CommitOnce(also);
  StartNext();
  if (!ranges) return std::unexpected(ranges.error());
  return {};
}

Result<std::vector<AppendedRange>> IngestWriter::CommitOnce(const AddState& add_state) {
  TOCSIN_ASSIGN(const std::unique_ptr<Transaction> transaction,
                log_.Begin(TransactionOptions{.ingest = true}));
  TOCSIN_TRY(AppendAll(*transaction, settings_.raw_topic, raw_));
  TOCSIN_TRY(AppendAll(*transaction, settings_.dlq_topic, dead_));
  if (add_state) add_state(*transaction);
  return transaction->Commit();
}

Status IngestWriter::Acknowledge(const std::string& input,
                                 const std::vector<AppendedRange>& ranges) {
  if (!acks_.valid() || records_ == 0) return {};
  // Several appends to one partition are contiguous, so each partition has one range.
  std::map<std::int32_t, std::pair<std::int64_t, std::uint64_t>> partitions;
  for (const AppendedRange& range : ranges) {
    if (range.partition.topic != settings_.raw_topic) continue;
    const auto added = partitions.try_emplace(range.partition.partition, range.base_offset, 0);
    auto& [base_offset, count] = added.first->second;
    base_offset = std::min(base_offset, range.base_offset);
    count += range.count;
  }
  std::string line = "{\"input\":";
  AppendJsonString(line, input);
  line += ",\"first_line\":" + std::to_string(first_line_);
  line += ",\"last_line\":" + std::to_string(last_line_);
  line += ",\"partitions\":[";
  for (const auto& [partition, range] : partitions) {
    if (line.back() == '}') line += ',';
    line += "{\"partition\":" + std::to_string(partition);
    line += ",\"base_offset\":" + std::to_string(range.first);
    line += ",\"count\":" + std::to_string(range.second) + "}";
  }
  line += "],\"too_large\":" + std::to_string(too_large_) + "}\n";
  TOCSIN_TRY(WriteAll(acks_.get(), line, acks_path_));
  return SyncFile(acks_.get(), acks_path_);
}

void IngestWriter::StartNext() {
  report_.lines += records_;
  report_.appended += records_ - too_large_;
  report_.too_large += too_large_;
  report_.blank_lines += blank_;
  report_.bytes += bytes_;
  for (auto* topic : {&raw_, &dead_}) {
    for (std::vector<RecordBatchBuilder>& batches : *topic) batches.clear();
  }
  records_ = too_large_ = lines_ = bytes_ = 0;
  blank_ = 0;
}

}  // namespace tocsin
