#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "model/event_batch.h"
#include "model/metric_spec.h"

namespace tocsin {

struct EventLimits {
  std::size_t max_bytes = 64 * 1024;  // of one record
  std::size_t max_depth = 16;         // nested objects and arrays, the event itself included
  std::size_t max_fields = 64;        // members of the event object
};

// Parses and checks one JSON event at a time into an EventBatch: the strict reading of RFC 8259
// that the contract asks for. The order of judgement is: size and depth, UTF-8, JSON syntax and
// repeated keys (whichever comes first in the bytes), not an object, missing field, wrong type,
// bad timestamp, out of range. One record, one reason.
//
// Two readers give the same verdicts: simdjson On-Demand for plain events, and a strict scalar
// reader that judges everything the first does not accept (escapes, nesting, numbers that
// simdjson refuses, errors of any kind). A differential fuzz target holds them together.
//
// Threads: one parser per thread.
class EventParser {
 public:
  // Bytes after a record that must be readable; their content does not matter.
  static constexpr std::size_t kPadding = 64;

  EventParser(std::vector<MetricSpec> metrics, EventLimits limits);
  ~EventParser();
  EventParser(const EventParser&) = delete;
  EventParser& operator=(const EventParser&) = delete;

  // Appends one row to `batch`, whose metric count must be that of the parser. `record` must be
  // followed by kPadding readable bytes and must outlive the batch's use of it. Never fails: what
  // is wrong with the record is its row's reject reason.
  void Parse(std::string_view record, EventBatch& batch);

  const std::vector<MetricSpec>& metrics() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The device id of a record for its key and partition, judged leniently: the text of a top-level
// member `device_id` of a record that simdjson can walk that far, of 1 to 256 bytes; else nothing. The
// result points into `record` or into `buffer`.
class KeyExtractor {
 public:
  KeyExtractor();
  ~KeyExtractor();
  // `record` is followed by EventParser::kPadding readable bytes.
  std::string_view DeviceId(std::string_view record);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
