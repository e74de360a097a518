#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/row_columns.h"
#include "batch/row_segments.h"
#include "batch/spill_file.h"

namespace tocsin {

// Rows of numbered partitions, kept in their order in compact form within a bounded memory: beyond
// it all go to a temporary file.
//
// Threads: one, until the last Append(); then Read() and Release() from any, one a partition.
class PartitionStore {
 public:
  // The temporary file is made in `spill_directory` (created when it is missing) at the first
  // spill.
  PartitionStore(std::size_t metric_count, std::size_t partitions, std::size_t memory_bytes,
                 std::string spill_directory);

  // Appends rows of as many metrics. kDiskError.
  Status Append(const RowSegments& rows) { return Append(rows.segments(), rows.bytes()); }
  // Segments of any kind, to be read by ForEachRawBlock() only.
  Status Append(std::span<const RowSegment> segments, const char* bytes);

  std::size_t partitions() const { return partitions_.size(); }
  std::uint64_t rows(std::size_t partition) const { return partitions_[partition].rows; }
  // Of its segments.
  std::uint64_t bytes(std::size_t partition) const { return partitions_[partition].bytes; }
  // Writes the rows of a partition to `rows` from row `at` on; `rows` has room for them.
  // kDiskError, kDataLoss.
  Status Read(std::size_t partition, RowColumns& rows, std::size_t at) const;
  // Calls `use` with some rows of a partition after the others, which are in `rows` meanwhile.
  Status ForEachBlock(std::size_t partition, RowColumns& rows,
                      const std::function<Status(const RowColumns& rows)>& use) const;
  // Calls `use` with segments of a partition as they are kept, and the rows in them; kFieldSlack
  // bytes behind them are readable.
  using UseRawBlock = std::function<Status(std::string_view segments, std::uint32_t rows)>;
  Status ForEachRawBlock(std::size_t partition, const UseRawBlock& use) const;
  // The rows of a partition are not read again.
  void Release(std::size_t partition);
  bool spilled() const { return spill_.has_value(); }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;  // `capacity` and kFieldSlack
    std::size_t capacity = 0;
    std::size_t size = 0;
    std::uint32_t rows = 0;
  };
  struct Extent {
    std::uint64_t position = 0;
    std::size_t size = 0;
    std::uint32_t rows = 0;
  };
  struct Partition {
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;
    std::vector<Extent> spilled;  // before the blocks in memory
    std::vector<Block> blocks;    // the last one is being filled
  };

  Status BeginBlock(Partition& partition, std::size_t bytes);
  Status Spill();

  std::size_t block_bytes_;
  std::size_t max_blocks_;  // in memory
  std::size_t blocks_ = 0;
  std::string spill_directory_;
  std::vector<Partition> partitions_;
  std::vector<std::unique_ptr<char[]>> free_blocks_;
  std::optional<SpillFile> spill_;
};

}  // namespace tocsin
