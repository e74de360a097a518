#include "batch/row_segments.h"

#include <utility>

namespace tocsin {

// A counting sort.
void RowSegments::Order(std::span<const std::uint32_t> partition, std::size_t partitions) {
  counts_.assign(partitions, 0);
  for (const std::uint32_t p : partition) ++counts_[p];
  std::uint32_t next = 0;
  for (std::uint32_t& count : counts_) next += std::exchange(count, next);
  order_.resize(partition.size());
  for (std::uint32_t row = 0; row < partition.size(); ++row)
    order_[counts_[partition[row]]++] = row;
}

void RowSegments::Reserve(std::size_t bytes) {
  if (bytes <= capacity_) return;
  capacity_ = bytes;
  bytes_ = std::make_unique_for_overwrite<char[]>(capacity_);
}

void RowSegments::Build(const RowColumns& rows, std::span<const std::uint32_t> partition,
                        std::size_t partitions) {
  Order(partition, partitions);
  segments_.clear();
  const std::size_t metric_count = rows.metrics.size();
  const std::size_t code_bytes = CodeBytes(metric_count);
  const std::size_t most_bytes = MaxSegmentBytes(metric_count) - MaxRowBytes(metric_count);
  Reserve(rows.size() * (kHeadBytes + MaxRowBytes(metric_count)) + kFieldSlack);
  char* const begin = bytes_.get();
  char* at = begin;
  for (std::size_t i = 0; i < order_.size();) {
    const std::uint32_t p = partition[order_[i]];
    char* const head = at;
    const std::int64_t base_us = rows.time_us[order_[i]];
    std::uint32_t last_status = 0;
    std::uint32_t count = 0;
    at += kHeadBytes;
    for (; i < order_.size() && partition[order_[i]] == p &&
           static_cast<std::size_t>(at - head) <= most_bytes;
         ++i, ++count) {
      const std::uint32_t row = order_[i];
      char* const codes = at;
      at += code_bytes;
      unsigned device = 0;
      unsigned time = 0;
      unsigned status = kSameField;
      at = WriteField(at, rows.device[row], device);
      // The difference may wrap around, which the reader undoes.
      const std::uint64_t after_base =
          static_cast<std::uint64_t>(rows.time_us[row]) - static_cast<std::uint64_t>(base_us);
      at = WriteField(at, ZigZag(static_cast<std::int64_t>(after_base)), time);
      if (rows.status[row] != last_status || count == 0) {
        last_status = rows.status[row];
        at = WriteField(at, std::uint32_t{last_status + 1}, status);  // kUnknown becomes 0
      }
      codes[0] = static_cast<char>(device | time << 4);
      unsigned code = status;
      for (std::size_t m = 0; m < metric_count; ++m) {
        unsigned metric = 0;
        at = WriteMetric(at, rows.metrics[m][row], metric);
        const std::size_t field = kHeadFields + m;
        code = field % 2 == 0 ? metric : code | metric << 4;
        codes[field / 2] = static_cast<char>(code);
      }
      if (metric_count == 0) codes[1] = static_cast<char>(status);
    }
    std::memcpy(head, &count, sizeof count);
    std::memcpy(head + sizeof count, &base_us, sizeof base_us);
    segments_.push_back(
        {p, count, static_cast<std::size_t>(head - begin), static_cast<std::size_t>(at - head)});
  }
}

std::size_t RowSegments::Read(std::string_view bytes, RowColumns& rows, std::size_t row) {
  const std::size_t metric_count = rows.metrics.size();
  const std::size_t code_bytes = CodeBytes(metric_count);
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    const auto count = GetFixed<std::uint32_t>(at);
    const auto base_us = GetFixed<std::uint64_t>(at + sizeof count);
    at += kHeadBytes;
    std::uint32_t status = 0;
    for (const std::size_t last = row + count; row < last; ++row) {
      const auto* const codes = reinterpret_cast<const unsigned char*>(at);
      at += code_bytes;
      rows.device[row] = static_cast<std::uint32_t>(ReadField(at, codes[0] & 15U));
      const std::int64_t after_base = UnZigZag(ReadField(at, codes[0] >> 4));
      rows.time_us[row] =
          static_cast<std::int64_t>(base_us + static_cast<std::uint64_t>(after_base));
      const unsigned status_code = codes[1] & 15U;
      if (status_code != kSameField) {
        status = static_cast<std::uint32_t>(ReadField(at, status_code)) - 1;
      }
      rows.status[row] = status;
      for (std::size_t m = 0; m < metric_count; ++m) {
        const std::size_t field = kHeadFields + m;
        rows.metrics[m][row] = ReadMetric(at, codes[field / 2] >> field % 2 * 4 & 15U);
      }
    }
  }
  return row;
}

}  // namespace tocsin
