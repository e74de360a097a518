#include "batch/partition_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "base/time_text.h"
#include "batch/batch_test_support.h"
#include "batch/row_partitioner.h"

namespace tocsin {
namespace {

// Rows that are collected to be appended together.
class Collected {
 public:
  explicit Collected(std::size_t metric_count) : rows_(metric_count) {}
  void Add(std::uint32_t partition, std::uint32_t device, std::int64_t time_us,
           std::uint32_t status, double value = 0) {
    partition_.push_back(partition);
    rows_.device.push_back(device);
    rows_.time_us.push_back(time_us);
    rows_.status.push_back(status);
    for (auto& column : rows_.metrics) column.push_back(value);
  }
  std::size_t size() const { return partition_.size(); }
  const RowSegments& Take(std::size_t partitions) {
    segments_.Build(rows_, partition_, partitions);
    partition_.clear();
    rows_ = RowColumns(rows_.metrics.size());
    return segments_;
  }

 private:
  RowColumns rows_;
  std::vector<std::uint32_t> partition_;
  RowSegments segments_;
};

TEST(PartitionStoreTest, RowsComeBackInTheirOrderFromMemoryAndFromDisk) {
  const ScratchDirectory scratch;
  for (const std::size_t memory : {std::size_t{0}, std::size_t{100'000}, std::size_t{1} << 30}) {
    PartitionStore store(1, 3, memory, scratch / "spill");
    constexpr std::uint32_t kRows = 60'000;
    Collected rows(1);
    for (std::uint32_t i = 0; i < kRows; ++i) {
      const std::uint32_t status = i % 4 == 0 ? DeviceDictionary::kUnknown : i % 300;
      rows.Add(i % 3, i, std::int64_t{i} * (i % 2 == 0 ? 7'919'000 : -3), status, i / 100.0);
      if (rows.size() < 5000) continue;
      ASSERT_TRUE(store.Append(rows.Take(3)).has_value());
    }
    EXPECT_EQ(store.spilled(), memory < 1'000'000);
    for (std::uint32_t p = 0; p < 3; ++p) {
      ASSERT_EQ(store.rows(p), kRows / 3);
      RowColumns read(1);
      read.Resize(kRows / 3);
      ASSERT_TRUE(store.Read(p, read, 0).has_value());
      for (std::uint32_t row = 0; row < read.size(); ++row) {
        const std::uint32_t i = row * 3 + p;
        ASSERT_EQ(read.device[row], i);
        ASSERT_EQ(read.time_us[row], std::int64_t{i} * (i % 2 == 0 ? 7'919'000 : -3));
        ASSERT_EQ(read.status[row], i % 4 == 0 ? DeviceDictionary::kUnknown : i % 300);
        ASSERT_EQ(read.metrics[0][row], i / 100.0);
      }
    }
  }
  // The temporary file has no name.
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "spill"));
}

TEST(PartitionStoreTest, ADirectoryThatCannotBeMadeIsADiskError) {
  const ScratchDirectory scratch;
  scratch.Write("file", "");
  PartitionStore store(0, 1, 0, scratch / "file/spill");
  Status status;
  Collected rows(0);
  for (std::uint32_t i = 0; status && i < 100'000; ++i) {
    rows.Add(0, i, i, 0);
    if (rows.size() == 1000) status = store.Append(rows.Take(1));
  }
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Code::kDiskError);
}

// Rows [begin, end) of random devices, of `whole` in all.
void AppendRandomRows(RowPartitioner& partitioner, SharedDictionary& devices,
                      std::uint32_t device_count, std::uint32_t begin, std::uint32_t end,
                      std::uint32_t whole) {
  SeededRandom random(9 + begin);
  Collected collected(1);
  for (std::uint32_t i = begin; i < end; ++i) {
    const std::string id = "dev_" + std::to_string(random.NextBelow(device_count));
    const std::uint32_t code = devices.codes().Encode(id);
    const auto division = partitioner.division();
    collected.Add(division->PartitionOf(id), code, std::int64_t{i} * 3'000'000, 0, i);
    if (collected.size() < 1000 && i + 1 < end) continue;
    ASSERT_TRUE(partitioner.Append(collected.Take(division->partitions())).has_value());
    ASSERT_TRUE(partitioner.MayDivide(i + 1, whole).has_value());
  }
}

// The ranges are in the order of device and hour, no device and hour is in two, and nothing is
// lost.
void CheckRanges(RowPartitioner& partitioner, SharedDictionary& devices, std::uint64_t rows,
                 std::uint64_t most_rows, bool by_hour, std::size_t least_ranges) {
  const auto ranges = partitioner.Finish(most_rows, by_hour);
  ASSERT_TRUE(ranges.has_value());
  EXPECT_GE(ranges->size(), least_ranges);
  std::pair<std::string, std::int64_t> last;
  std::uint64_t found = 0;
  for (const PartitionRange& range : *ranges) {
    RowColumns columns(1);
    columns.Resize(range.rows);
    std::size_t at = 0;
    for (std::size_t p = range.begin; p < range.end; ++p) {
      ASSERT_TRUE(range.store->Read(p, columns, at).has_value());
      at += range.store->rows(p);
    }
    ASSERT_EQ(at, range.rows);
    if (by_hour) {
      EXPECT_LE(range.rows, most_rows);
    }
    found += range.rows;
    std::pair<std::string, std::int64_t> greatest;
    for (std::size_t row = 0; row < columns.size(); ++row) {
      const std::pair place(std::string(devices.codes().Decode(columns.device[row])),
                            columns.time_us[row] / 3'600'000'000);
      ASSERT_GT(place, last);
      greatest = std::max(greatest, place);
      if (row > 0 && columns.device[row] == columns.device[row - 1]) {
        ASSERT_GT(columns.metrics[0][row], columns.metrics[0][row - 1]);
      }
    }
    last = greatest;
  }
  EXPECT_EQ(found, rows);
}

RowPartitioner PartitionerOf(const ScratchDirectory& scratch, SharedDictionary& devices,
                             std::uint64_t target_rows) {
  return RowPartitioner({.metric_count = 1,
                         .memory_bytes = 4 << 20,
                         .target_rows = target_rows,
                         .spill_directory = scratch.path()},
                        devices);
}

void CheckRandomRows(std::uint32_t device_count, std::uint32_t rows, std::uint64_t most_rows,
                     bool by_hour, std::size_t least_ranges) {
  const ScratchDirectory scratch;
  SharedDictionary devices;
  RowPartitioner partitioner = PartitionerOf(scratch, devices, most_rows / 2);
  AppendRandomRows(partitioner, devices, device_count, 0, rows, rows);
  CheckRanges(partitioner, devices, rows, most_rows, by_hour, least_ranges);
}

TEST(RowPartitionerTest, ManyDevicesAreDividedByTheirIds) {
  CheckRandomRows(500, 400'000, 40'000, false, 10);
}
TEST(RowPartitionerTest, FewDevicesAreDividedByTheirHours) {
  CheckRandomRows(3, 400'000, 40'000, true, 10);
}
TEST(RowPartitionerTest, FewRowsAreOneRange) {
  CheckRandomRows(3, 1'000, 40'000, true, 1);
}

// What one partitioner kept goes into another, as into that of a later run.
void CheckTakenUp(std::uint64_t target_rows, bool same_division) {
  const ScratchDirectory scratch;
  SharedDictionary devices;
  RowPartitioner first = PartitionerOf(scratch, devices, 20'000);
  AppendRandomRows(first, devices, 500, 0, 300'000, 300'000);
  const auto division = first.division();
  ASSERT_GT(division->partitions(), 5u);
  RowPartitioner second = PartitionerOf(scratch, devices, target_rows);
  ASSERT_TRUE(second.TakeUpDivision(division->first_ids, 300'000).has_value());
  EXPECT_EQ(second.division()->first_ids == division->first_ids, same_division);
  std::uint64_t taken = 0;
  const auto take = [&](std::size_t partition, std::string_view bytes, std::uint32_t rows) {
    std::string block(bytes);
    block.resize(bytes.size() + kFieldSlack);
    taken += rows;
    return second.AppendRawBlock(partition, std::string_view(block).substr(0, bytes.size()), rows);
  };
  ASSERT_TRUE(first.ForEachRawBlock(take).has_value());
  EXPECT_EQ(taken, 300'000u);
  ASSERT_TRUE(second.MayDivide(300'000, 400'000).has_value());
  AppendRandomRows(second, devices, 600, 300'000, 400'000, 400'000);
  CheckRanges(second, devices, 400'000, 40'000, false, 10);
}

TEST(RowPartitionerTest, RowsOfAnEarlierRunKeepTheirPartitions) {
  CheckTakenUp(20'000, true);
}
TEST(RowPartitionerTest, RowsOfAnEarlierRunAreDividedAnewWhenTheyHaveBecomeMany) {
  CheckTakenUp(5'000, false);
}
TEST(RowPartitionerTest, ADivisionThatDoesNotFitIsNotTakenUp) {
  const ScratchDirectory scratch;
  SharedDictionary devices;
  devices.codes().Encode("a");
  devices.codes().Encode("b");
  RowPartitioner partitioner = PartitionerOf(scratch, devices, 200'000);
  const std::vector<std::string_view> unsorted = {"b", "a"}, unknown = {"a", "c"};
  for (const auto& ids : {unsorted, unknown}) {
    ASSERT_TRUE(partitioner.TakeUpDivision(ids, 300'000).has_value());
    EXPECT_EQ(partitioner.division()->partitions(), 1u);
  }
  const std::vector<std::string_view> good = {"a", "b"};
  ASSERT_TRUE(partitioner.TakeUpDivision(good, 300'000).has_value());
  EXPECT_EQ(partitioner.division()->partitions(), 3u);
  EXPECT_FALSE(partitioner.AppendRawBlock(3, {}, 0).has_value());
}

}  // namespace
}  // namespace tocsin
