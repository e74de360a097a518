#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/event_batch.h"
#include "model/event_parser.h"
#include "model/strict_reader.h"

// Rows as values of their own: what tests and fuzz targets compare.
namespace tocsin {

struct EventRow {
  RejectReason reject = RejectReason::kNone;
  std::string message;  // of a rejected row; the rest is of a good one
  std::string device_id;
  std::int64_t time_us = 0;
  std::vector<std::uint64_t> metric_bits;  // so that null equals null, and -0 is not 0
  std::optional<std::string> status;
  std::string object;

  double metric(std::size_t index) const { return std::bit_cast<double>(metric_bits[index]); }
  bool operator==(const EventRow&) const = default;
};

inline EventRow RowOf(const EventBatch& batch, std::size_t row) {
  EventRow result;
  result.reject = batch.reject[row];
  if (result.reject != RejectReason::kNone) {
    for (const auto& message : batch.messages) {
      if (message.row == row) result.message = message.text;
    }
    return result;
  }
  result.device_id = batch.device_id[row];
  result.time_us = batch.time_us[row];
  for (const auto& column : batch.metrics) {
    result.metric_bits.push_back(std::bit_cast<std::uint64_t>(column[row]));
  }
  if (batch.status[row].data() != nullptr) result.status = batch.status[row];
  result.object = batch.bytes[row].substr(batch.object_begin[row],
                                          batch.object_end[row] - batch.object_begin[row]);
  return result;
}

// `record` followed by the padding that EventParser and KeyExtractor ask for.
class PaddedRecord {
 public:
  explicit PaddedRecord(std::string_view record) : size_(record.size()), bytes_(record) {
    bytes_.append(EventParser::kPadding, '"');
  }
  std::string_view view() const { return std::string_view(bytes_).substr(0, size_); }

 private:
  std::size_t size_;
  std::string bytes_;
};

// Reads one record with both readers.
class BothReaders {
 public:
  explicit BothReaders(std::vector<MetricSpec> metrics = DefaultMetrics(), EventLimits limits = {})
      : parser_(metrics, limits), strict_(metrics, limits), batch_(metrics.size()) {}

  struct Rows {
    EventRow parsed;
    EventRow strict;
  };
  Rows Read(std::string_view record) {
    const PaddedRecord padded(record);
    batch_.Clear();
    parser_.Parse(padded.view(), batch_);
    strict_.Parse(padded.view(), batch_);
    return {.parsed = RowOf(batch_, 0), .strict = RowOf(batch_, 1)};
  }
  // Several at once, which stand one behind the other: what follows a record looks like its own.
  std::vector<Rows> ReadAll(std::span<const std::string_view> records) {
    std::string bytes;
    for (const std::string_view record : records) bytes += record;
    bytes.append(EventParser::kPadding, '"');
    std::vector<std::string_view> views;
    for (std::size_t at = 0; const std::string_view record : records) {
      views.push_back(std::string_view(bytes).substr(at, record.size()));
      at += record.size();
    }
    batch_.Clear();
    parser_.ParseAll(views, batch_);
    const std::size_t count = batch_.size();
    for (const std::string_view view : views) strict_.Parse(view, batch_);
    std::vector<Rows> rows;
    for (std::size_t i = 0; i < count; ++i) {
      rows.push_back({.parsed = RowOf(batch_, i), .strict = RowOf(batch_, count + i)});
    }
    return rows;
  }

 private:
  EventParser parser_;
  StrictReader strict_;
  EventBatch batch_;
};

}  // namespace tocsin
