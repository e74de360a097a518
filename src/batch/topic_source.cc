#include "batch/topic_source.h"

#include <algorithm>
#include <utility>

namespace tocsin {
namespace {

constexpr std::size_t kFetchBytes = 1 << 20;

}  // namespace

Result<std::unique_ptr<TopicSource>> TopicSource::Open(Log& log, const std::string& topic,
                                                       std::size_t max_record_bytes) {
  auto partitions = PartitionCount(log, topic);
  if (!partitions)
    return std::unexpected(std::move(partitions).error().WithContext("input topic:" + topic));
  std::unique_ptr<TopicSource> source(new TopicSource(log, max_record_bytes));
  for (std::int32_t p = 0; p < *partitions; ++p) {
    const TopicPartition partition{topic, p};
    TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
    source->parts_.push_back(
        {partition, "topic:" + topic + "/" + std::to_string(p), offsets.earliest, offsets.latest});
    source->stored_bytes_ += static_cast<std::uint64_t>(std::max<std::int64_t>(offsets.bytes, 0));
  }
  return source;
}

Result<bool> TopicSource::Next(RecordChunk& chunk) {
  chunk.Clear();
  while (current_ < parts_.size()) {
    Part& part = parts_[current_];
    if (part.next >= part.end) {
      fetched_.clear();
      ++current_;
      continue;
    }
    if (fetched_.empty()) {
      // Retention may have moved the beginning since the offsets were read.
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log_->Offsets(part.partition));
      part.next = std::max(part.next, offsets.earliest);
      if (part.next >= part.end) continue;
      TOCSIN_ASSIGN(fetched_, log_->Fetch(part.partition, part.next, kFetchBytes));
      std::reverse(fetched_.begin(), fetched_.end());
      if (fetched_.empty() && offsets.bytes < 0) {
        part.next = part.end;  // a cluster: only the marks of transactions were left
        continue;
      }
      if (fetched_.empty()) {
        return Fail(Code::kDataLoss, part.input + " ends at offset " + std::to_string(part.next) +
                                         ", before its end " + std::to_string(part.end));
      }
    }
    std::shared_ptr<const RecordBatch> batch = std::move(fetched_.back());
    fetched_.pop_back();
    TakeBatch(part, std::move(batch), chunk);
    return true;
  }
  return false;
}

void TopicSource::TakeBatch(Part& part, std::shared_ptr<const RecordBatch> batch,
                            RecordChunk& chunk) {
  chunk.input = part.input;
  Record record;
  for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
    if (record.offset < part.next || record.offset >= part.end) continue;
    const bool too_large = record.value.size() > max_record_bytes_;
    const auto offset = static_cast<std::uint64_t>(record.offset);
    chunk.items.push_back(
        {too_large ? record.value.substr(0, RecordChunk::kKeptBytes) : record.value, offset + 1,
         offset, record.value.size(), too_large});
  }
  part.next = std::max(part.next, batch->end_offset());
  bytes_done_ += batch->payload_bytes();
  chunk.batch = std::move(batch);
}

}  // namespace tocsin
