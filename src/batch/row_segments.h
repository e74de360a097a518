#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "batch/row_codec.h"
#include "batch/row_columns.h"

namespace tocsin {

// Rows in compact form, divided by partition: a row of two metrics takes about 12 bytes instead of
// the 32 of its columns. A segment is some rows of one partition: their number, a time that theirs
// count from, then row after row the codes of the fields (device, time, status, metrics; two in a
// byte) and the fields.
//
// Keeps its memory from build to build. Threads: none but the owner's.
class RowSegments {
 public:
  struct Segment {
    std::uint32_t partition;
    std::uint32_t rows;
    std::size_t begin;
    std::size_t size;
  };

  // Replaces the content by `rows`, of which row r goes to partition[r] < `partitions`. The
  // segments are ascending by partition, and those of a partition keep the order of their rows.
  void Build(const RowColumns& rows, std::span<const std::uint32_t> partition,
             std::size_t partitions);

  const std::vector<Segment>& segments() const { return segments_; }
  std::string_view BytesOf(const Segment& segment) const {
    return {bytes_.get() + segment.begin, segment.size};
  }
  std::uint64_t rows() const { return order_.size(); }

  // Writes the rows of the segments that stand one behind the other in `bytes`, which kFieldSlack
  // readable bytes follow, to `rows` from row `at` on, and returns the row behind them. `rows` has
  // room for them.
  static std::size_t Read(std::string_view bytes, RowColumns& rows, std::size_t at);

  // No segment is longer.
  static constexpr std::size_t MaxSegmentBytes(std::size_t metric_count) {
    return std::max(kWishedBytes, kHeadBytes + MaxRowBytes(metric_count));
  }

 private:
  static constexpr std::size_t kWishedBytes = std::size_t{16} * 1024;
  static constexpr std::size_t kHeadBytes = 12;
  static constexpr std::size_t kHeadFields = 3;  // device, time, status

  static constexpr std::size_t CodeBytes(std::size_t metric_count) {
    return (kHeadFields + metric_count + 1) / 2;
  }
  static constexpr std::size_t MaxRowBytes(std::size_t metric_count) {
    return CodeBytes(metric_count) + (kHeadFields + metric_count) * sizeof(std::uint64_t);
  }

  void Order(std::span<const std::uint32_t> partition, std::size_t partitions);
  void Reserve(std::size_t bytes);

  std::vector<std::uint32_t> order_;   // the rows by partition
  std::vector<std::uint32_t> counts_;  // of each partition, then where its rows begin
  std::vector<Segment> segments_;
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_ = 0;
};

}  // namespace tocsin
