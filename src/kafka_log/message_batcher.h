#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kafka_log/rdkafka_handles.h"
#include "log/log.h"

namespace tocsin {

// Makes record batches out of consumed messages. A batch ends where its partition's offsets leave
// out a number, where the append times are too far apart for one stamp, or when it is large.
class MessageBatcher {
 public:
  // Consumed data of one partition in its order; nothing is kept of `message`.
  void Add(const rd_kafka_message_s& message);
  // What was added to the partition since the last call.
  void Finish(std::vector<std::shared_ptr<const RecordBatch>>& out);

 private:
  void Cut();

  RecordBatchBuilder builder_;
  std::int64_t base_offset_ = 0;
  std::int64_t first_ms_ = 0;
  std::int64_t last_ms_ = 0;
  std::vector<std::shared_ptr<const RecordBatch>> done_;
};

}  // namespace tocsin
