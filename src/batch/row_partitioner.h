#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "batch/kept_groups.h"
#include "batch/partition_store.h"
#include "batch/shared_dictionary.h"
#include "model/device_dictionary.h"

namespace tocsin {

// Consecutive partitions of a store whose rows are worked on together.
struct PartitionRange {
  std::shared_ptr<PartitionStore> store;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t rows = 0;
  bool of_division = false;         // the partitions are those of division()
  const KeptGroup* kept = nullptr;  // of exactly these rows, when there is one
};

// Which device ids go to which partition. Never changes once it is made.
struct RowDivision {
  std::vector<std::string_view> first_ids;  // of all partitions but the first, ascending

  std::size_t partitions() const { return first_ids.size() + 1; }
  std::uint32_t PartitionOf(std::string_view id) const {
    return static_cast<std::uint32_t>(std::ranges::upper_bound(first_ids, id) - first_ids.begin());
  }
  // `partitions` has the partitions of the first codes of `ids`; gives it those of the rest.
  void Extend(const DeviceDictionary& ids, std::vector<std::uint32_t>& partitions_of) const {
    for (auto code = static_cast<std::uint32_t>(partitions_of.size()); code < ids.size(); ++code) {
      partitions_of.push_back(PartitionOf(ids.Decode(code)));
    }
  }
};

// Divides rows into partitions by ranges of device ids, so that each can be sorted in the cache, in
// parallel with the others and without looking at them, and their results stand one after the other
// in the order of the table. The ranges are chosen from the first rows.
//
// What the partitions are follows from the rows and their order, and from an earlier run whose rows
// come first. Threads: division() from
// any, else none but the owner's.
class RowPartitioner {
 public:
  struct Options {
    std::size_t metric_count = 0;
    std::size_t memory_bytes = 0;   // of the rows in compact form; beyond it they go to disk
    std::uint64_t target_rows = 0;  // of a partition
    std::string spill_directory;
  };

  // `devices` has the codes of the rows; it must outlive the ranges.
  RowPartitioner(Options options, const SharedDictionary& devices);

  // The division of the rows that come next. Its ids are valid as long as `devices`.
  std::shared_ptr<const RowDivision> division() const {
    const std::lock_guard lock(mutex_);
    return division_;
  }
  // Appends rows that are divided by division() already, and others. kDiskError.
  Status Append(const RowSegments& rows);
  Status Append(const RowColumns& rows);
  // Chooses the ranges when there are rows enough to choose by. `part` of `whole` bytes of the
  // input were read so far; `whole` 0 = not known.
  Status MayDivide(std::uint64_t part, std::uint64_t whole);

  // The rows as they are kept, each device's in order, by the partition of division().
  using UseRawBlock =
      std::function<Status(std::size_t partition, std::string_view segments, std::uint32_t rows)>;
  Status ForEachRawBlock(const UseRawBlock& use) const;
  // The other way round: such blocks of an earlier run, `rows` in all, are the first rows. Its
  // division is taken over where it still suits so many; `first_ids` have codes in `devices`.
  // Then each block is appended.
  Status TakeUpDivision(std::span<const std::string_view> first_ids, std::uint64_t rows);
  Status AppendRawBlock(std::size_t partition, std::string_view segments, std::uint32_t rows);

  // Gives all rows to `use`, partition by partition, each device's in order, and keeps none.
  Status Drain(const std::function<Status(const RowColumns& rows)>& use);

  // All rows, as ranges in the order of the table. A range has at most `most_rows` rows, unless it
  // is of one device, or with `by_hour` of one hour of one device. Where all rows of one of the
  // groups `kept` came by AppendRawBlock(), and no others to its partitions, they are a range.
  // Takes no more rows.
  Result<std::vector<PartitionRange>> Finish(std::uint64_t most_rows, bool by_hour,
                                             std::span<const KeptGroup> kept = {});

 private:
  bool IsWhole(const KeptGroup& group, std::uint64_t most_rows) const;
  Status AppendTo(PartitionStore& store, const RowColumns& rows,
                  const std::vector<std::uint32_t>& partition_of_device, std::size_t partitions);
  Status DivideFirstRows(std::size_t partitions);
  std::size_t MostPartitions() const;
  Result<PartitionRange> DivideByHour(std::size_t partition, std::uint64_t piece_rows,
                                      std::size_t memory_bytes);

  const Options options_;
  const SharedDictionary& devices_;
  std::shared_ptr<PartitionStore> store_;
  bool divided_ = false;
  bool took_up_division_ = false;
  std::uint64_t rows_ = 0;
  std::vector<std::uint64_t> raw_rows_;  // of each partition, by AppendRawBlock()
  mutable std::mutex mutex_;
  std::shared_ptr<const RowDivision> division_ = std::make_shared<RowDivision>();
  // Working memory of appends.
  RowSegments segments_;
  std::vector<std::uint32_t> partition_of_row_;
  std::vector<std::uint32_t> partition_of_device_;  // by code
  std::shared_ptr<const RowDivision> division_of_devices_;
};

}  // namespace tocsin
