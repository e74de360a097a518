#include "live_view/processed_reader.h"

namespace tocsin {
namespace {

// The names in the added `reason` hold no quotation marks, so the last of these is the added one.
constexpr std::string_view kTail = ",\"is_alert\":";

EventLimits LimitsOf(const Settings& settings) {
  return {.max_bytes = static_cast<std::size_t>(settings.max_event_bytes),
          .max_depth = static_cast<std::size_t>(settings.max_event_depth),
          .max_fields = static_cast<std::size_t>(settings.max_event_fields)};
}

}  // namespace

ProcessedReader::ProcessedReader(const Settings& settings)
    : parser_(settings.metrics, LimitsOf(settings)), rows_(settings.metrics.size()) {}

void ProcessedReader::Read(const RecordBatch& batch, std::int64_t from) {
  rows_.Clear();
  bytes_.clear();
  offsets_.clear();
  is_alert_.clear();
  // All the room at once: the rows point into the bytes.
  bytes_.reserve(batch.payload_bytes() + batch.count() * (EventParser::kPadding + 1) +
                 EventParser::kPadding);
  Record record;
  for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
    if (record.offset < from) continue;
    const std::size_t tail = record.value.rfind(kTail);
    const std::size_t begin = bytes_.size();
    bytes_.append(record.value.substr(0, tail));
    if (tail != std::string_view::npos) bytes_ += '}';
    const std::size_t size = bytes_.size() - begin;
    bytes_.append(EventParser::kPadding, ' ');
    parser_.Parse(std::string_view(bytes_.data() + begin, size), rows_);
    offsets_.push_back(record.offset);
    is_alert_.push_back(tail != std::string_view::npos &&
                        record.value.substr(tail + kTail.size()).starts_with("true"));
  }
}

}  // namespace tocsin
