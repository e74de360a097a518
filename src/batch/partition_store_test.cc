#include "batch/partition_store.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "base/time_text.h"
#include "batch/batch_test_support.h"
#include "batch/row_partitioner.h"

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

TEST(RowCodecTest, MetricsComeBackBitByBit) {
  SeededRandom random(1);
  std::vector<double> values = {0.0,
                                -0.0,
                                0.01,
                                -0.01,
                                31.42,
                                kNull,
                                1e13,
                                -1e13,
                                1e300,
                                5e-324,
                                0.1,
                                1.0 / 3,
                                22.700000762939453,
                                1e15,
                                1e-3,
                                9999.99,
                                1e12 + 0.01};
  values.push_back(std::numeric_limits<double>::max());
  for (int i = 0; i < 10'000; ++i) {
    values.push_back(std::bit_cast<double>(random.Next()));
    values.push_back(static_cast<double>(random.NextBelow(1'000'000)) / 100);
    values.push_back(static_cast<double>(static_cast<float>(random.NextDouble() * 100)));
  }
  for (const double value : values) {
    char bytes[kMaxMetricBytes + 1];
    const char* const end = WriteMetric(bytes, value);
    ASSERT_LE(end - bytes, static_cast<std::ptrdiff_t>(kMaxMetricBytes)) << value;
    double back = 0;
    ASSERT_EQ(ReadMetric(bytes, back), end) << value;
    if (std::isnan(value)) {
      ASSERT_TRUE(std::isnan(back));
    } else {
      ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << value;
    }
  }
}

std::string Metric(double value) {
  char bytes[kMaxMetricBytes];
  return std::string(bytes, WriteMetric(bytes, value));
}

TEST(PartitionStoreTest, RowsComeBackInTheirOrderFromMemoryAndFromDisk) {
  const ScratchDirectory scratch;
  for (const std::size_t memory : {std::size_t{0}, std::size_t{100'000}, std::size_t{1} << 30}) {
    PartitionStore store(1, 3, memory, scratch / "spill");
    constexpr std::uint32_t kRows = 60'000;
    for (std::uint32_t i = 0; i < kRows; ++i) {
      const std::uint32_t status = i % 4 == 0 ? DeviceDictionary::kUnknown : i % 300;
      ASSERT_TRUE(store
                      .Append(i % 3, i, std::int64_t{i} * (i % 2 == 0 ? 7'919'000 : -3), status,
                              Metric(i / 100.0))
                      .has_value());
    }
    EXPECT_EQ(store.spilled(), memory < 1'000'000);
    for (std::uint32_t p = 0; p < 3; ++p) {
      RowColumns rows(1);
      ASSERT_TRUE(store.Read(p, rows).has_value());
      ASSERT_EQ(rows.size(), kRows / 3);
      ASSERT_EQ(store.rows(p), kRows / 3);
      for (std::uint32_t row = 0; row < rows.size(); ++row) {
        const std::uint32_t i = row * 3 + p;
        ASSERT_EQ(rows.device[row], i);
        ASSERT_EQ(rows.time_us[row], std::int64_t{i} * (i % 2 == 0 ? 7'919'000 : -3));
        ASSERT_EQ(rows.status[row], i % 4 == 0 ? DeviceDictionary::kUnknown : i % 300);
        ASSERT_EQ(rows.metrics[0][row], i / 100.0);
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
  for (std::uint32_t i = 0; status && i < 100'000; ++i) status = store.Append(0, i, i, 0, "");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Code::kDiskError);
}

// The ranges are in the order of device and hour, no device and hour is in two, and nothing is
// lost.
void CheckRanges(std::uint32_t device_count, std::uint32_t rows, std::uint64_t most_rows,
                 bool by_hour, std::size_t least_ranges) {
  const ScratchDirectory scratch;
  DeviceDictionary devices;
  RowPartitioner partitioner({.metric_count = 1,
                              .memory_bytes = 4 << 20,
                              .target_rows = most_rows / 2,
                              .spill_directory = scratch.path()},
                             devices);
  SeededRandom random(9);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::uint32_t code =
        devices.Encode("dev_" + std::to_string(random.NextBelow(device_count)));
    ASSERT_TRUE(partitioner.Append(code, std::int64_t{i} * 3'000'000, 0, Metric(i)).has_value());
    if (i % 1000 == 0) {
      ASSERT_TRUE(partitioner.MayDivide(i + 1, rows).has_value());
    }
  }
  const auto ranges = partitioner.Finish(most_rows, by_hour);
  ASSERT_TRUE(ranges.has_value());
  EXPECT_GE(ranges->size(), least_ranges);
  std::pair<std::string, std::int64_t> last;
  std::uint64_t found = 0;
  for (const PartitionRange& range : *ranges) {
    RowColumns columns(1);
    for (std::size_t p = range.begin; p < range.end; ++p) {
      ASSERT_TRUE(range.store->Read(p, columns).has_value());
    }
    ASSERT_EQ(columns.size(), range.rows);
    if (by_hour) {
      EXPECT_LE(range.rows, most_rows);
    }
    found += range.rows;
    std::pair<std::string, std::int64_t> greatest;
    for (std::size_t row = 0; row < columns.size(); ++row) {
      const std::pair place(std::string(devices.Decode(columns.device[row])),
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

TEST(RowPartitionerTest, ManyDevicesAreDividedByTheirIds) {
  CheckRanges(500, 400'000, 40'000, false, 10);
}
TEST(RowPartitionerTest, FewDevicesAreDividedByTheirHours) {
  CheckRanges(3, 400'000, 40'000, true, 10);
}
TEST(RowPartitionerTest, FewRowsAreOneRange) {
  CheckRanges(3, 1'000, 40'000, true, 1);
}

}  // namespace
}  // namespace tocsin
