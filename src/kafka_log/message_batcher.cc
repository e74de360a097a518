#include "kafka_log/message_batcher.h"

#include <librdkafka/rdkafka.h>

#include <utility>

namespace tocsin {
namespace {

// One batch has one append time: no record's own is further away than this.
constexpr std::int64_t kSameTimeMs = 20;
constexpr std::size_t kBatchBytes = 1u << 20;

std::string HeadersOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  std::vector<RecordHeader> list;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    list.push_back({name, {static_cast<const char*>(value), value == nullptr ? 0 : size}});
  }
  return EncodeHeaders(list);
}

}  // namespace

void MessageBatcher::Add(const rd_kafka_message_s& message) {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t time_ms = rd_kafka_message_timestamp(&message, &type);
  if (!builder_.empty() &&
      (message.offset != base_offset_ + builder_.count() ||
       builder_.payload_bytes() >= kBatchBytes || time_ms - first_ms_ > kSameTimeMs ||
       first_ms_ - time_ms > kSameTimeMs)) {
    Cut();
  }
  if (builder_.empty()) {
    base_offset_ = message.offset;
    first_ms_ = time_ms;
  }
  last_ms_ = time_ms;
  const std::string_view value(static_cast<const char*>(message.payload),
                               message.payload == nullptr ? 0 : message.len);
  std::optional<std::string_view> key;
  if (message.key != nullptr) key = {static_cast<const char*>(message.key), message.key_len};
  builder_.Append(key, value, HeadersOf(message));
}

void MessageBatcher::Cut() {
  auto [payload, count] = builder_.Take();
  payload.append(kRecordPadding, '\0');
  done_.push_back(
      std::make_shared<const RecordBatch>(std::move(payload), count, base_offset_, last_ms_));
}

void MessageBatcher::Finish(std::vector<std::shared_ptr<const RecordBatch>>& out) {
  if (!builder_.empty()) Cut();
  for (auto& batch : done_) out.push_back(std::move(batch));
  done_.clear();
}

}  // namespace tocsin
