#include "log_backends/log_contract.h"

#include <utility>

namespace tocsin {

LogUser::LogUser(std::unique_ptr<LogHarness> harness) : harness_(std::move(harness)) {
  log().EnsureTopic("t", {.partitions = 4}).value();
}

std::unique_ptr<Transaction> LogUser::Begin() {
  return log().Begin().value();
}

void LogUser::Add(Transaction& transaction, const TopicPartition& partition,
                  const std::vector<std::string>& values) {
  RecordBatchBuilder builder;
  for (const std::string& value : values) builder.Append("key", value);
  transaction.Append(partition, builder).value();
}

std::vector<AppendedRange> LogUser::Commit(Transaction& transaction) {
  return transaction.Commit().value();
}

std::vector<AppendedRange> LogUser::AppendValues(const TopicPartition& partition,
                                                 const std::vector<std::string>& values) {
  const auto transaction = Begin();
  Add(*transaction, partition, values);
  return Commit(*transaction);
}

PartitionOffsets LogUser::OffsetsOf(const TopicPartition& partition) {
  return log().Offsets(partition).value();
}

std::vector<std::string> LogUser::ValuesFrom(const TopicPartition& partition, std::int64_t offset,
                                             std::size_t max_bytes) {
  std::vector<std::string> values;
  for (;;) {
    const auto batches = log().Fetch(partition, offset, max_bytes).value();
    if (batches.empty()) return values;
    for (const auto& batch : batches) {
      if (batch->base_offset() > offset || batch->end_offset() <= offset) {
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
  log().ReadState(store, partition, visit).value();
  return entries;
}

std::optional<std::int64_t> LogUser::Committed(const std::string& group,
                                               const TopicPartition& partition) {
  return log().CommittedOffset(group, partition).value();
}

}  // namespace tocsin
