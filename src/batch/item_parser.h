#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "batch/record_source.h"
#include "config/settings.h"
#include "model/event_batch.h"
#include "model/event_parser.h"

namespace tocsin {

// Parses the records of chunks with the limits of the settings. Threads: one parser per thread.
class ItemParser {
 public:
  explicit ItemParser(const Settings& settings);

  // Appends a row for each item; one that is too large is rejected. The rows point into the items'
  // bytes.
  void Parse(std::span<const RecordChunk::Item> items, EventBatch& events);

 private:
  void ParseRecords(EventBatch& events);

  std::int64_t max_bytes_;
  EventParser parser_;
  std::vector<std::string_view> records_;  // that are not parsed yet
};

}  // namespace tocsin
