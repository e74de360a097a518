#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "batch/partition_store.h"
#include "model/device_dictionary.h"

namespace tocsin {

// Consecutive partitions of a store whose rows are worked on together.
struct PartitionRange {
  std::shared_ptr<PartitionStore> store;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t rows = 0;
};

// Divides rows into partitions by ranges of device ids, so that each can be sorted in the cache, in
// parallel with the others and without looking at them, and their results stand one after the other
// in the order of the table. The ranges are chosen from the first rows.
//
// What the partitions are follows from the rows and their order alone. Threads: none but the
// owner's.
class RowPartitioner {
 public:
  struct Options {
    std::size_t metric_count = 0;
    std::size_t memory_bytes = 0;   // of the rows in compact form; beyond it they go to disk
    std::uint64_t target_rows = 0;  // of a partition
    std::string spill_directory;
  };

  // `devices` has the codes of the rows; it must outlive the ranges.
  RowPartitioner(Options options, const DeviceDictionary& devices);

  // As PartitionStore::Append.
  Status Append(std::uint32_t device, std::int64_t time_us, std::uint32_t status,
                std::string_view metrics) {
    if (device >= partition_of_.size()) AssignNewDevices();
    ++rows_;
    return store_->Append(partition_of_[device], device, time_us, status, metrics);
  }
  // Chooses the ranges when there are rows enough to choose by. `part` of `whole` bytes of the
  // input were read so far; `whole` 0 = not known.
  Status MayDivide(std::uint64_t part, std::uint64_t whole);

  // The rows as they are kept, each device's in order, and the other way round: rows of such a
  // block are appended.
  Status ForEachRawBlock(const PartitionStore::UseRawBlock& use) const;
  Status AppendRawBlock(const char* bytes, std::uint32_t rows);

  // All rows, as ranges in the order of the table. A range has at most `most_rows` rows, unless it
  // is of one device, or with `by_hour` of one hour of one device. Takes no more rows.
  Result<std::vector<PartitionRange>> Finish(std::uint64_t most_rows, bool by_hour);

 private:
  void AssignNewDevices();
  Status DivideFirstRows(std::size_t partitions);
  Result<PartitionRange> DivideByHour(std::size_t partition, std::uint64_t piece_rows,
                                      std::size_t memory_bytes);

  const Options options_;
  const DeviceDictionary& devices_;
  std::shared_ptr<PartitionStore> store_;
  bool divided_ = false;
  std::uint64_t rows_ = 0;
  std::vector<std::string_view> first_ids_;  // of all partitions but the first, ascending
  std::vector<std::uint32_t> partition_of_;  // by device code
};

}  // namespace tocsin
