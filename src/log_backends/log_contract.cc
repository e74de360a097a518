#include "log_backends/log_contract.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tocsin {
namespace {

template <class T>
T Must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

LogUser::LogUser(std::unique_ptr<LogHarness> harness) : harness_(std::move(harness)) {
  Must(log().EnsureTopic("t", {.partitions = 4}));
}

std::unique_ptr<Transaction> LogUser::Begin() {
  return Must(log().Begin());
}

void LogUser::Add(Transaction& transaction, const TopicPartition& partition,
                  const std::vector<std::string>& values) {
  RecordBatchBuilder builder;
  for (const std::string& value : values) builder.Append("key", value);
  Must(transaction.Append(partition, builder));
}

std::vector<AppendedRange> LogUser::Commit(Transaction& transaction) {
  return Must(transaction.Commit());
}

std::vector<AppendedRange> LogUser::AppendValues(const TopicPartition& partition,
                                                 const std::vector<std::string>& values) {
  const auto transaction = Begin();
  Add(*transaction, partition, values);
  return Commit(*transaction);
}

PartitionOffsets LogUser::OffsetsOf(const TopicPartition& partition) {
  return Must(log().Offsets(partition));
}

std::int64_t LogUser::Place(const TopicPartition& partition, std::int64_t offset) {
  std::int64_t records = 0;
  std::int64_t next = 0;
  for (;;) {
    const auto batches = Must(log().Fetch(partition, next, 1 << 20));
    if (batches.empty()) return on_one_machine() ? offset : records;
    for (const auto& batch : batches) {
      for (std::int64_t at = std::max(next, batch->base_offset()); at < batch->end_offset(); ++at) {
        if (at >= offset) return records;
        ++records;
      }
      next = batch->end_offset();
    }
  }
}

std::vector<std::string> LogUser::ValuesFrom(const TopicPartition& partition, std::int64_t offset,
                                             std::size_t max_bytes) {
  std::vector<std::string> values;
  for (;;) {
    const auto batches = Must(log().Fetch(partition, offset, max_bytes));
    if (batches.empty()) return values;
    for (const auto& batch : batches) {
      if ((on_one_machine() && batch->base_offset() > offset) || batch->end_offset() <= offset) {
        values.emplace_back("(gap)");
      }
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        if (record.offset >= offset) values.emplace_back(record.value);
      }
      offset = batch->end_offset();
    }
  }
}

std::vector<std::string> LogUser::Values(const TopicPartition& partition) {
  return ValuesFrom(partition, 0);
}

std::map<std::string, std::string> LogUser::StateOf(const std::string& store,
                                                    std::int32_t partition) {
  std::map<std::string, std::string> entries;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const auto [entry, fresh] = entries.emplace(key, value);
    if (!fresh) entry->second = "(twice)";
  };
  Must(log().ReadState(store, partition, visit));
  return entries;
}

std::optional<std::int64_t> LogUser::Committed(const std::string& group,
                                               const TopicPartition& partition) {
  return Must(log().CommittedOffset(group, partition));
}

}  // namespace tocsin
