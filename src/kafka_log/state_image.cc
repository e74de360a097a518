#include "kafka_log/state_image.h"

namespace tocsin {

Status ApplyPuts(std::string_view puts, StateEntries& entries) {
  return VisitPuts(puts, [&](std::string_view key, std::string_view value) {
    const auto found = entries.find(key);
    if (value.empty()) {
      if (found != entries.end()) entries.erase(found);
    } else if (found != entries.end()) {
      found->second = value;
    } else {
      entries.emplace(key, value);
    }
  });
}

void StateImage::Clear() {
  place = {};
  size = {};
  entries.clear();
}

Status StateImage::Apply(const RecordBatch& batch) {
  Record record;
  for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
    if (record.value.empty()) continue;
    TOCSIN_ASSIGN(const ChangelogEntry entry, DecodeChange(record.value));
    bytes_read += record.value.size();
    if (entry.slot || entry.place < place) continue;
    TOCSIN_TRY(Apply(entry));
  }
  return {};
}

Status StateImage::Apply(const ChangelogEntry& entry) {
  if (entry.begins_generation) {
    entries.clear();
    size = {};
  }
  (entry.in_snapshot ? size.snapshot_bytes : size.delta_bytes) += entry.puts.size();
  place = {entry.place.generation, entry.place.next + 1};
  return keep_entries_ ? ApplyPuts(entry.puts, entries) : Status();
}

}  // namespace tocsin
