#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/metric_spec.h"

namespace tocsin {

enum class AlertState : std::uint8_t { kFiring, kResolved };

// One transition of an alert instance (rule × device): what is written to `iot.alerts` and to the
// alert log. Times are event times in microseconds. Views must outlive the call only.
struct AlertRecord {
  std::string_view rule;
  std::string_view severity;
  AlertState state = AlertState::kFiring;
  std::string_view device_id;
  std::int64_t time_us = 0;  // of the deciding event
  std::int64_t active_at_us = 0;
  std::int64_t starts_at_us = 0;
  std::int64_t ends_at_us = 0;  // meaningful when resolved
  std::uint64_t event_count = 0;
  std::uint32_t episode = 1;      // 2 and up for further episodes with the same starts_at
  double value = 0;               // the left side of the rule's comparison; NaN = null
  std::string_view rule_version;  // hash of the rule's text
  std::string_view source_topic;  // position of the deciding event
  std::int32_t source_partition = 0;
  std::int64_t source_offset = 0;
  std::string_view reason = {};  // empty = the rule's name
  // JSON objects as text, "" = {}; and members left out when empty.
  std::string_view labels_json = {};
  std::string_view annotations_json = {};
  std::string_view explain_json = {};  // `explain`: operands that decided, by their text
  std::int64_t active_offset = -1;     // in the source partition, of the event that started it
  bool flapping = false;               // `flapping`: true, left out when not
  std::string_view cause = {};  // `cause`, left out for an event: absent, window_closed, no_data,
                                // rule_removed, silent
  // Live runs only, in milliseconds; negative = absent.
  double ingest_latency_ms = -1;      // event time to append
  double evaluation_latency_ms = -1;  // append to evaluation
};

// Appends the record as one JSON object without a line end: the fields of the contract in their
// order (compatibility.md, rules.md). `metrics` and `values` are the declared metrics and the
// event's values for them.
void AppendAlertJson(std::string& out, const AlertRecord& record,
                     const std::vector<MetricSpec>& metrics, const double* values);

// First 16 hex digits of XXH3-128 (canonical form, seed 0) over
// rule \0 device_id \0 starts_at µs in decimal, and \0 episode when that is above 1.
std::string AlertId(std::string_view rule, std::string_view device_id, std::int64_t starts_at_us,
                    std::uint32_t episode);
// Likewise over rule \0 device_id.
std::string AlertFingerprint(std::string_view rule, std::string_view device_id);

}  // namespace tocsin
