#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "batch/row.h"
#include "batch/spill_file.h"
#include "model/device_dictionary.h"

namespace tocsin {

// Rows one after another. Next() is nullptr at the end or on an error, which status() tells
// apart; a row is valid until the next call.
class SortedRows {
 public:
  virtual ~SortedRows() = default;
  virtual const std::uint64_t* Next() = 0;
  virtual Status status() const = 0;
};

// Sorts rows by (device id bytewise, time, order of arrival) within a bounded memory: rows beyond
// it are sorted in runs that go to a temporary file and are merged at the end.
//
// `devices` and the sorter must outlive the SortedRows. Not thread-safe.
class RowSorter {
 public:
  // `memory_bytes` holds the rows and their order. The temporary file is made in `spill_directory`
  // (created when it is missing) at the first spill.
  RowSorter(RowLayout layout, const DeviceDictionary& devices, std::size_t memory_bytes,
            std::string spill_directory);

  bool full() const { return count_ == capacity_; }
  // Writes the rows in memory to disk as a run. kDiskError.
  Status Spill();
  // A new last row to be filled by the caller; the sorter must not be full.
  std::uint64_t* Append() {
    const std::size_t at = count_++;
    if (at % kSegmentRows == 0 && at / kSegmentRows == segments_.size()) AddSegment();
    return RowAt(at);
  }
  // The rows in order; the sorter takes no more.
  Result<std::unique_ptr<SortedRows>> Finish();

  std::size_t runs() const { return runs_.size(); }

 private:
  friend class MemoryRows;
  friend class MergedRows;
  struct Entry {
    std::int64_t time_us;
    std::uint32_t index;
  };
  struct Run {
    std::uint64_t begin;  // position in the spill file
    std::uint64_t rows;
  };
  static constexpr std::size_t kSegmentRows = 8192;

  std::uint64_t* RowAt(std::size_t index) const {
    return segments_[index / kSegmentRows].get() + index % kSegmentRows * layout_.words();
  }
  void AddSegment();
  std::size_t BlockRows() const;
  std::vector<std::uint32_t> RankDevices() const;
  void SortInMemory();

  RowLayout layout_;
  const DeviceDictionary* devices_;
  std::size_t capacity_;
  std::string spill_directory_;
  std::vector<std::unique_ptr<std::uint64_t[]>> segments_;
  std::size_t count_ = 0;
  std::vector<Entry> order_;
  std::optional<SpillFile> spill_;
  std::vector<Run> runs_;
};

}  // namespace tocsin
