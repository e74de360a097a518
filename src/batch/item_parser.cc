#include "batch/item_parser.h"

#include <string>

namespace tocsin {
namespace {

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

}  // namespace

ItemParser::ItemParser(const Settings& settings)
    : max_bytes_(settings.max_event_bytes), parser_(settings.metrics, LimitsOf(settings)) {}

void ItemParser::Parse(std::span<const RecordChunk::Item> items, EventBatch& events) {
  for (const RecordChunk::Item& item : items) {
    if (!item.too_large) {
      records_.push_back(item.bytes);
      continue;
    }
    ParseRecords(events);
    events.AddRejected(item.bytes, RejectReason::kTooLarge,
                       "the record has " + std::to_string(item.size) + " bytes, at most " +
                           std::to_string(max_bytes_) + " are allowed");
  }
  ParseRecords(events);
}

void ItemParser::ParseRecords(EventBatch& events) {
  parser_.ParseAll(records_, events);
  records_.clear();
}

}  // namespace tocsin
