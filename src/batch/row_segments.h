#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "batch/partition_order.h"
#include "batch/row_columns.h"
#include "batch/row_format.h"

namespace tocsin {

// Rows in compact form, divided by partition, in codes of dictionaries that are kept elsewhere: a
// row of two metrics takes about 12 bytes instead of the 32 of its columns.
//
// Keeps its memory from build to build. Threads: none but the owner's.
class RowSegments {
 public:
  // Replaces the content by `rows`, of which row r goes to partition[r] < `partitions`. The
  // segments are ascending by partition, and those of a partition keep the order of their rows.
  void Build(const RowColumns& rows, std::span<const std::uint32_t> partition,
             std::size_t partitions);

  const std::vector<RowSegment>& segments() const { return segments_; }
  const char* bytes() const { return bytes_.get(); }
  std::string_view BytesOf(const RowSegment& segment) const {
    return {bytes() + segment.begin, segment.size};
  }
  std::uint64_t rows() const { return order_.size(); }

  // As ReadSegments().
  static std::size_t Read(std::string_view bytes, RowColumns& rows, std::size_t at);

  // No segment is longer.
  static constexpr std::size_t MaxSegmentBytes(std::size_t metric_count) {
    return std::max(kSegmentWishedBytes, kSegmentHeadBytes + MaxRowBytes(metric_count));
  }

 private:
  void Reserve(std::size_t bytes);

  PartitionOrder order_;
  std::vector<RowSegment> segments_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace tocsin
