#include "spool/spool.h"

#include <algorithm>
#include <utility>

#include "log_backends/embedded_log.h"

namespace tocsin {
namespace {

const TopicPartition kPlace{"spool", 0};
constexpr std::string_view kGroup = "drain";

}  // namespace

Result<std::unique_ptr<Spool>> Spool::Open(const std::string& directory, std::int64_t max_bytes,
                                           const Clock& clock) {
  EmbeddedLogOptions options;
  options.directory = directory;
  options.cache_bytes = 1u << 20;
  TOCSIN_ASSIGN(std::unique_ptr<Log> log, EmbeddedLog::Open(options, clock));
  // What was drained goes at once; what waits is kept by its group.
  TOCSIN_TRY(
      log->EnsureTopic(kPlace.topic, {.partitions = 1, .retention_bytes = 0, .retention_ms = 1}));
  TOCSIN_TRY(log->RegisterGroup(kGroup, kPlace.topic));
  std::unique_ptr<Spool> spool(new Spool(std::move(log), max_bytes));
  TOCSIN_TRY(spool->Count());
  return spool;
}

Status Spool::Count() {
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log_->Offsets(kPlace));
  TOCSIN_ASSIGN(const auto committed, log_->CommittedOffset(kGroup, kPlace));
  front_ = std::max(committed.value_or(0), offsets.earliest);
  for (std::int64_t next = front_; next < offsets.latest;) {
    TOCSIN_ASSIGN(const auto batches, log_->Fetch(kPlace, next, 1));
    for (const auto& batch : batches) {
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        if (record.offset < front_) continue;
        TOCSIN_ASSIGN(const SpoolEntry entry, DecodeSpoolEntry(record.value));
        sizes_.push_back(static_cast<std::int64_t>(record.value.size()));
        bytes_ += sizes_.back();
        last_sequence_ = entry.sequence;
      }
      next = batch->end_offset();
    }
  }
  return {};
}

Status Spool::Push(const SpoolEntry& entry, bool always) {
  const std::string bytes = EncodeSpoolEntry(entry);
  const auto size = static_cast<std::int64_t>(bytes.size());
  const std::lock_guard lock(mutex_);
  if (!always && bytes_ + size > max_bytes_) {
    return Fail(Code::kResourceExhausted, "the spool is full (" + std::to_string(bytes_ >> 20) +
                                              " MiB wait for Kafka; KAFKA_SPOOL_BYTES allows " +
                                              std::to_string(max_bytes_ >> 20) + " MiB)");
  }
  RecordBatchBuilder builder;
  builder.Append(std::nullopt, bytes);
  // As events from outside: refused while the disk is nearly full.
  TOCSIN_ASSIGN(const auto transaction, log_->Begin({.ingest = !always}));
  TOCSIN_TRY(transaction->Append(kPlace, builder));
  TOCSIN_TRY(transaction->Commit());
  sizes_.push_back(size);
  bytes_ += size;
  last_sequence_ = entry.sequence;
  return {};
}

Result<std::optional<SpoolEntry>> Spool::Front() {
  const std::lock_guard lock(mutex_);
  if (sizes_.empty()) return std::nullopt;
  TOCSIN_ASSIGN(const auto batches, log_->Fetch(kPlace, front_, 1));
  Record record;
  for (const auto& batch : batches) {
    for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
      if (record.offset != front_) continue;
      TOCSIN_ASSIGN(SpoolEntry entry, DecodeSpoolEntry(record.value));
      return entry;
    }
  }
  return Fail(Code::kDataLoss, "entry " + std::to_string(front_) + " of the spool is missing");
}

Status Spool::Pop() {
  const std::lock_guard lock(mutex_);
  TOCSIN_ASSIGN(const auto transaction, log_->Begin({.durable = false}));
  transaction->CommitOffset(kGroup, kPlace, front_ + 1);
  TOCSIN_TRY(transaction->Commit());
  ++front_;
  bytes_ -= sizes_.front();
  sizes_.pop_front();
  return {};
}

bool Spool::empty() const {
  const std::lock_guard lock(mutex_);
  return sizes_.empty();
}

std::int64_t Spool::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

std::uint64_t Spool::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return sizes_.empty() ? 0 : last_sequence_;
}

}  // namespace tocsin
