#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "log/log.h"

// For tests: whole topics in and out of a log. A failure ends the program with a message, so that
// the tests stay free of plumbing.
namespace tocsin::test {

struct StoredRecord {
  std::int64_t offset = 0;
  std::optional<std::string> key;
  std::string value;
  std::string headers;  // encoded
  bool operator==(const StoredRecord&) const = default;
};

template <class T>
T Must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "unexpected error: %s\n", result.error().message().c_str());
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// One transaction with one batch.
inline void AppendValues(Log& log, const std::string& topic, std::int32_t partition,
                         const std::vector<std::string>& values) {
  RecordBatchBuilder batch;
  for (const std::string& value : values) batch.Append("key", value);
  const auto transaction = Must(log.Begin());
  Must(transaction->Append({topic, partition}, batch));
  Must(transaction->Commit());
}

inline std::vector<StoredRecord> ReadAll(Log& log, const std::string& topic,
                                         std::int32_t partition) {
  std::vector<StoredRecord> all;
  const TopicPartition where{topic, partition};
  const PartitionOffsets offsets = Must(log.Offsets(where));
  std::int64_t next = offsets.earliest;
  while (next < offsets.latest) {
    for (const auto& batch : Must(log.Fetch(where, next, 1 << 20))) {
      RecordBatch::Cursor cursor(*batch);
      for (Record record; cursor.Next(record);) {
        std::optional<std::string> key;
        if (record.key) key = std::string(*record.key);
        all.push_back({record.offset, std::move(key), std::string(record.value),
                       std::string(record.encoded_headers)});
      }
      next = batch->end_offset();
    }
  }
  return all;
}

inline std::vector<std::string> ReadValues(Log& log, const std::string& topic,
                                           std::int32_t partition) {
  std::vector<std::string> values;
  for (StoredRecord& record : ReadAll(log, topic, partition)) {
    values.push_back(std::move(record.value));
  }
  return values;
}

}  // namespace tocsin::test
