#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/row_codec.h"
#include "batch/spill_file.h"

namespace tocsin {

// Rows as columns, in the order in which they came.
struct RowColumns {
  explicit RowColumns(std::size_t metric_count) : metrics(metric_count) {}
  void Clear();
  std::size_t size() const { return time_us.size(); }

  std::vector<std::uint32_t> device;         // codes
  std::vector<std::int64_t> time_us;         // since 1970, UTC
  std::vector<std::uint32_t> status;         // codes, DeviceDictionary::kUnknown when absent
  std::vector<std::vector<double>> metrics;  // NaN = null
};

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

  // `metrics` is what WriteMetric wrote for each metric. kDiskError.
  Status Append(std::size_t partition, std::uint32_t device, std::int64_t time_us,
                std::uint32_t status, std::string_view metrics) {
    Partition& to = partitions_[partition];
    if (static_cast<std::size_t>(to.end - to.at) < kMaxRowHeadBytes + metrics.size()) {
      TOCSIN_TRY(BeginBlock(to));
    }
    char* at = WriteVarint(to.at, device);
    at = WriteVarint(at, ZigZag(time_us - to.last_time_us));
    at = WriteVarint(at, std::uint64_t{status + 1});  // kUnknown becomes 0
    std::memcpy(at, metrics.data(), metrics.size());
    to.at = at + metrics.size();
    to.last_time_us = time_us;
    ++to.block_rows;
    ++to.rows;
    return {};
  }

  std::size_t partitions() const { return partitions_.size(); }
  std::uint64_t rows(std::size_t partition) const { return partitions_[partition].rows; }
  // Appends the rows of a partition to `rows`. kDiskError, kDataLoss.
  Status Read(std::size_t partition, RowColumns& rows) const;
  // Calls `use` with some rows of a partition after the others, which are in `rows` meanwhile.
  Status ForEachBlock(std::size_t partition, RowColumns& rows,
                      const std::function<Status(const RowColumns& rows)>& use) const;
  // Calls `use` with the blocks of a partition as they are kept, and the rows in each.
  using UseRawBlock = std::function<Status(std::string_view bytes, std::uint32_t rows)>;
  Status ForEachRawBlock(std::size_t partition, const UseRawBlock& use) const;
  // Appends the rows of such a block to `rows`, which has its metric count.
  static void ReadRawBlock(const char* at, std::uint32_t count, RowColumns& rows);
  // The rows of a partition are not read again.
  void Release(std::size_t partition);
  bool spilled() const { return spill_.has_value(); }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
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
    std::vector<Extent> spilled;  // before the blocks in memory
    std::vector<Block> blocks;    // the last one is being filled
    // Of the block that is being filled. Times count from 0 in each block.
    char* at = nullptr;
    char* end = nullptr;
    std::int64_t last_time_us = 0;
    std::uint32_t block_rows = 0;
  };

  Status BeginBlock(Partition& partition);
  void CloseBlock(Partition& partition);
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
