#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/event_batch.h"
#include "model/event_limits.h"
#include "model/metric_spec.h"

namespace tocsin {

// Parses and checks one JSON event at a time into an EventBatch: the strict reading of RFC 8259
// that the contract asks for. The order of judgement is: size and depth, UTF-8, JSON syntax and
// repeated keys (whichever comes first in the bytes), not an object, missing field, wrong type,
// bad timestamp, out of range. One record, one reason.
//
// Three readers give the same verdicts: one that compares an event with the shapes of earlier ones
// (keys in the same order, the same bytes between the values), simdjson On-Demand for other plain
// events, and a strict scalar reader that judges everything these do not accept (escapes, nesting,
// numbers that simdjson refuses, errors of any kind). A differential fuzz target holds them
// together.
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
  // The same for each of the records, at less cost.
  void ParseAll(std::span<const std::string_view> records, EventBatch& batch);

  const std::vector<MetricSpec>& metrics() const;
  // Records that only the strict reader could judge, which costs three times as much.
  std::uint64_t strict_reads() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The device id of a record for its key and partition, judged leniently: the text of the first
// top-level member `device_id`, when the bytes up to its end look like JSON and it is a string of
// 1 to 256 bytes of UTF-8 without raw control characters; else nothing. What follows it is not
// looked at, so that a record that is broken further on still has its key. For every good record
// it is the id that EventParser gives. The result points into `record` or into this object, then
// until the next call. Threads: none but the owner's.
class KeyExtractor {
 public:
  KeyExtractor();
  ~KeyExtractor();
  // `record` is followed by EventParser::kPadding readable bytes.
  std::string_view DeviceId(std::string_view record);

 private:
  std::string_view Unescaped(std::string_view body);

  std::string buffer_;
};

}  // namespace tocsin
