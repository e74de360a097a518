#include "log_backends/embedded_transaction.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/logging.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

class EmbeddedTransaction final : public Transaction {
 public:
  EmbeddedTransaction(EmbeddedCore& core, EmbeddedWriter& writer, EmbeddedRetention& retention,
                      TransactionOptions options)
      : core_(core), writer_(writer), retention_(retention), options_(options) {}

  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override;
  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    pending_.offsets.emplace_back(group, partition, next_offset);
  }
  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override;
  void ReplaceState(std::string_view store, std::int32_t partition) override;
  Result<std::vector<AppendedRange>> Commit() override;

 private:
  PendingState& StateOf(std::string_view store, std::int32_t partition);
  Result<EmbeddedPartition*> Find(const TopicPartition& partition);
  std::vector<std::string> Topics() const;

  EmbeddedCore& core_;
  EmbeddedWriter& writer_;
  EmbeddedRetention& retention_;
  const TransactionOptions options_;
  PendingCommit pending_;
  bool committed_ = false;
  // The state of the last put: stages put many entries of one partition in a row.
  PendingState* state_ = nullptr;
  std::string state_store_;
  std::int32_t state_partition_ = 0;
};

Result<EmbeddedPartition*> EmbeddedTransaction::Find(const TopicPartition& partition) {
  const std::lock_guard lock(core_.mutex);
  return core_.catalog.Get(partition);
}

Status EmbeddedTransaction::Append(const TopicPartition& partition, RecordBatchBuilder& batch) {
  if (batch.payload_bytes() > kMaxPayloadBytes) {
    return Fail(Code::kInvalidArgument,
                "a batch of " + std::to_string(batch.payload_bytes()) + " bytes for " +
                    partition.topic + " is above the limit of " + std::to_string(kMaxPayloadBytes) +
                    "; append smaller batches");
  }
  TOCSIN_ASSIGN(EmbeddedPartition * found, Find(partition));
  if (batch.empty()) return {};
  auto [payload, count] = batch.Take();
  payload.append(kRecordPadding, '\0');
  pending_.appends.push_back({found, std::move(payload), count, {}});
  return {};
}

PendingState& EmbeddedTransaction::StateOf(std::string_view store, std::int32_t partition) {
  if (state_ == nullptr || state_store_ != store || state_partition_ != partition) {
    state_ = &pending_.state[format::StatePrefix(store, partition)];
    state_store_ = store;
    state_partition_ = partition;
  }
  return *state_;
}

void EmbeddedTransaction::PutState(std::string_view store, std::int32_t partition,
                                   std::string_view key, std::string_view value) {
  std::vector<std::string>& blobs = StateOf(store, partition).blobs;
  if (blobs.empty() || blobs.back().size() >= format::kStateBlobBytes) blobs.emplace_back();
  PutBytes(blobs.back(), key);
  PutBytes(blobs.back(), value);
}

void EmbeddedTransaction::ReplaceState(std::string_view store, std::int32_t partition) {
  StateOf(store, partition).replace = true;
}

std::vector<std::string> EmbeddedTransaction::Topics() const {
  std::vector<std::string> topics;
  for (const PendingAppend& append : pending_.appends) {
    const std::string& topic = append.partition->id.topic;
    if (std::ranges::find(topics, topic) == topics.end()) topics.push_back(topic);
  }
  return topics;
}

Result<std::vector<AppendedRange>> EmbeddedTransaction::Commit() {
  if (committed_) {
    return Fail(Code::kFailedPrecondition, "the transaction was committed before");
  }
  if (options_.ingest) TOCSIN_TRY(retention_.Admit(Topics()));
  committed_ = true;
  pending_.durable = options_.durable;
  for (PendingAppend& append : pending_.appends) {
    const std::string_view payload(append.payload.data(), append.payload.size() - kRecordPadding);
    append.stored = EncodeBatch(payload, append.count, core_.options.compression);
  }
  auto ranges = writer_.Submit(pending_);
  if (!ranges) return ranges;
  // What follows a durable commit cannot make it fail.
  if (const Status enforced = retention_.EnforceIfDue(); !enforced) {
    LogError("log", "retention failed", {{"error", enforced.error().message()}});
  }
  return ranges;
}

}  // namespace

std::unique_ptr<Transaction> MakeEmbeddedTransaction(EmbeddedCore& core, EmbeddedWriter& writer,
                                                     EmbeddedRetention& retention,
                                                     TransactionOptions options) {
  return std::make_unique<EmbeddedTransaction>(core, writer, retention, options);
}

}  // namespace tocsin
