#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "batch/partition_order.h"
#include "batch/row_codec.h"
#include "batch/row_columns.h"

// Segments of rows as bytes: their number, a time that theirs count from, then row after row the
// codes of the fields (device, time, status, metrics; two in a byte) and the fields. What stands in
// the fields of device and status is the matter of a `Fields`.
namespace tocsin {

// Some rows of one partition among the bytes of many such.
struct RowSegment {
  std::uint32_t partition;
  std::uint32_t rows;
  std::size_t begin;
  std::size_t size;
};

inline constexpr std::size_t kSegmentWishedBytes = std::size_t{16} * 1024;
inline constexpr std::size_t kSegmentHeadBytes = 12;
inline constexpr std::size_t kSegmentHeadFields = 3;  // device, time, status

constexpr std::size_t RowCodeBytes(std::size_t metric_count) {
  return (kSegmentHeadFields + metric_count + 1) / 2;
}
// The most that a row takes when the fields are numbers.
constexpr std::size_t MaxRowBytes(std::size_t metric_count) {
  return RowCodeBytes(metric_count) + (kSegmentHeadFields + metric_count) * sizeof(std::uint64_t);
}

// Writes the rows in `order` to `begin`, where there is room for them, a head for each and
// kFieldSlack bytes, and appends the segments: ascending by partition, those of a partition in
// their order, no longer than kSegmentWishedBytes unless of one row. A status is written where it
// is not that of the row before in its segment.
//
// `fields`: BeginSegment(); RowBytes(row), the most that a row takes; WriteDevice(at, code of the
// device, its field's code) and WriteStatus likewise, which return where they ended.
template <class Fields>
void WriteSegments(const RowColumns& rows, const PartitionOrder& order,
                   std::span<const std::uint32_t> partition, Fields& fields, char* const begin,
                   std::vector<RowSegment>& segments) {
  const std::size_t metric_count = rows.metrics.size();
  const std::size_t code_bytes = RowCodeBytes(metric_count);
  char* at = begin;
  for (std::size_t i = 0; i < order.size();) {
    const std::uint32_t p = partition[order[i]];
    char* const head = at;
    const std::int64_t base_us = rows.time_us[order[i]];
    std::uint32_t last_status = 0;
    std::uint32_t count = 0;
    at += kSegmentHeadBytes;
    fields.BeginSegment();
    for (; i < order.size() && partition[order[i]] == p; ++i, ++count) {
      const std::uint32_t row = order[i];
      if (count > 0 &&
          static_cast<std::size_t>(at - head) + fields.RowBytes(row) > kSegmentWishedBytes) {
        break;
      }
      char* const codes = at;
      at += code_bytes;
      unsigned device = 0;
      unsigned time = 0;
      unsigned status = kSameField;
      at = fields.WriteDevice(at, rows.device[row], device);
      // The difference may wrap around, which the reader undoes.
      const std::uint64_t after_base =
          static_cast<std::uint64_t>(rows.time_us[row]) - static_cast<std::uint64_t>(base_us);
      at = WriteField(at, ZigZag(static_cast<std::int64_t>(after_base)), time);
      if (rows.status[row] != last_status || count == 0) {
        last_status = rows.status[row];
        at = fields.WriteStatus(at, last_status, status);
      }
      codes[0] = static_cast<char>(device | time << 4);
      unsigned code = status;
      for (std::size_t m = 0; m < metric_count; ++m) {
        unsigned metric = 0;
        at = WriteMetric(at, rows.metrics[m][row], metric);
        const std::size_t field = kSegmentHeadFields + m;
        code = field % 2 == 0 ? metric : code | metric << 4;
        codes[field / 2] = static_cast<char>(code);
      }
      if (metric_count == 0) codes[1] = static_cast<char>(status);
    }
    std::memcpy(head, &count, sizeof count);
    std::memcpy(head + sizeof count, &base_us, sizeof base_us);
    segments.push_back(
        {p, count, static_cast<std::size_t>(head - begin), static_cast<std::size_t>(at - head)});
  }
}

// Writes the rows of the segments that stand one behind the other in `bytes`, which kFieldSlack
// readable bytes follow, to `rows` from row `row` on, and returns the row behind them. `rows` has
// room for them.
//
// `fields`: BeginSegment(); ReadDevice(at, its field's code) and ReadStatus likewise, which give
// the code of the row and move `at`.
template <class Fields>
std::size_t ReadSegments(std::string_view bytes, RowColumns& rows, std::size_t row,
                         Fields& fields) {
  const std::size_t metric_count = rows.metrics.size();
  const std::size_t code_bytes = RowCodeBytes(metric_count);
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    const auto count = GetFixed<std::uint32_t>(at);
    const auto base_us = GetFixed<std::uint64_t>(at + sizeof count);
    at += kSegmentHeadBytes;
    fields.BeginSegment();
    std::uint32_t status = 0;
    for (const std::size_t last = row + count; row < last; ++row) {
      const auto* const codes = reinterpret_cast<const unsigned char*>(at);
      at += code_bytes;
      rows.device[row] = fields.ReadDevice(at, codes[0] & 15U);
      const std::int64_t after_base = UnZigZag(ReadField(at, codes[0] >> 4));
      rows.time_us[row] =
          static_cast<std::int64_t>(base_us + static_cast<std::uint64_t>(after_base));
      const unsigned status_code = codes[1] & 15U;
      if (status_code != kSameField) status = fields.ReadStatus(at, status_code);
      rows.status[row] = status;
      for (std::size_t m = 0; m < metric_count; ++m) {
        const std::size_t field = kSegmentHeadFields + m;
        rows.metrics[m][row] = ReadMetric(at, codes[field / 2] >> field % 2 * 4 & 15U);
      }
    }
  }
  return row;
}

}  // namespace tocsin
