#include "model/event_batch.h"

#include <utility>

namespace tocsin {

void EventBatch::Clear() {
  device_id.clear();
  time_us.clear();
  for (auto& column : metrics) column.clear();
  status.clear();
  reject.clear();
  bytes.clear();
  object_begin.clear();
  object_end.clear();
  messages.clear();
  arena.clear();
}

void EventBatch::Reserve(std::size_t rows) {
  device_id.reserve(rows);
  time_us.reserve(rows);
  for (auto& column : metrics) column.reserve(rows);
  status.reserve(rows);
  reject.reserve(rows);
  bytes.reserve(rows);
  object_begin.reserve(rows);
  object_end.reserve(rows);
}

void EventBatch::AddRejected(std::string_view record, RejectReason reason, std::string message) {
  MakeRoom();
  messages.push_back({static_cast<std::uint32_t>(size()), std::move(message)});
  device_id.emplace_back();
  time_us.push_back(0);
  for (auto& column : metrics) column.push_back(kNull);
  status.emplace_back();
  reject.push_back(reason);
  bytes.push_back(record);
  object_begin.push_back(0);
  object_end.push_back(0);
}

}  // namespace tocsin
