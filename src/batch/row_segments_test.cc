#include "batch/row_segments.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "base/random.h"
#include "model/device_dictionary.h"

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kMinTime = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMaxTime = std::numeric_limits<std::int64_t>::max();

void ExpectSameBits(double back, double value) {
  if (std::isnan(value)) {
    ASSERT_TRUE(std::isnan(back));
  } else {
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(value)) << value;
  }
}

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
                                9999999999999.99,
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity()};
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(std::bit_cast<double>(random.Next()));
    values.push_back(static_cast<double>(random.NextBelow(1'000'000)) / 100);
    values.push_back(-static_cast<double>(random.NextBelow(1'000'000'000'000)) / 100);
    values.push_back(static_cast<double>(static_cast<float>(random.NextDouble() * 100)));
  }
  for (const double value : values) {
    char bytes[sizeof(double) + kFieldSlack];
    unsigned code = 0;
    const char* const end = WriteMetric(bytes, value, code);
    ASSERT_LE(end - bytes, static_cast<std::ptrdiff_t>(sizeof(double))) << value;
    ASSERT_LT(code, 16U);
    const char* at = bytes;
    ExpectSameBits(ReadMetric(at, code), value);
    ASSERT_EQ(at, end) << value;
  }
}

RowColumns RandomRows(std::size_t metric_count, std::size_t count, SeededRandom& random) {
  RowColumns rows(metric_count);
  rows.Resize(count);
  for (std::size_t row = 0; row < count; ++row) {
    rows.device[row] = static_cast<std::uint32_t>(random.Next() >> random.NextBelow(64));
    const auto time = static_cast<std::int64_t>(random.Next() >> random.NextBelow(64));
    rows.time_us[row] = random.NextBelow(50) == 0 ? (time % 2 == 0 ? kMinTime : kMaxTime) : time;
    const std::uint32_t statuses[] = {DeviceDictionary::kUnknown, 0, 1, 300, 0xffff'fffe};
    rows.status[row] = statuses[random.NextBelow(5)];
    for (auto& column : rows.metrics) {
      column[row] = random.NextBelow(3) == 0 ? std::bit_cast<double>(random.Next())
                                             : static_cast<double>(random.NextBelow(100'000)) / 100;
    }
  }
  return rows;
}

void ExpectSameRow(const RowColumns& read, std::size_t at, const RowColumns& rows,
                   std::size_t row) {
  ASSERT_EQ(read.device[at], rows.device[row]);
  ASSERT_EQ(read.time_us[at], rows.time_us[row]);
  ASSERT_EQ(read.status[at], rows.status[row]);
  for (std::size_t m = 0; m < rows.metrics.size(); ++m) {
    ExpectSameBits(read.metrics[m][at], rows.metrics[m][row]);
  }
}

TEST(RowSegmentsTest, RowsComeBackByPartitionInTheirOrder) {
  SeededRandom random(2);
  for (const std::size_t metric_count : {0UL, 1UL, 2UL, 3UL, 40UL, 3000UL}) {
    RowSegments segments;
    for (int round = 0; round < 20; ++round) {
      const std::size_t partitions = 1 + random.NextBelow(9);
      const std::size_t count = random.NextBelow(metric_count > 100 ? 20 : 3000);
      const RowColumns rows = RandomRows(metric_count, count, random);
      std::vector<std::uint32_t> partition(count);
      for (auto& p : partition) p = static_cast<std::uint32_t>(random.NextBelow(partitions));
      segments.Build(rows, partition, partitions);
      EXPECT_EQ(segments.rows(), count);
      for (std::uint32_t p = 0; p < partitions; ++p) {
        std::string bytes;
        std::size_t size = 0;
        for (const RowSegment& segment : segments.segments()) {
          EXPECT_LE(segment.size, RowSegments::MaxSegmentBytes(metric_count));
          if (segment.partition != p) continue;
          bytes += segments.BytesOf(segment);
          size += segment.rows;
        }
        const std::size_t end = bytes.size();
        bytes.resize(end + kFieldSlack);
        RowColumns read(metric_count);
        read.Resize(size + 1);
        ASSERT_EQ(RowSegments::Read(std::string_view(bytes).substr(0, end), read, 1), size + 1);
        std::size_t at = 1;
        for (std::size_t row = 0; row < count; ++row) {
          if (partition[row] == p) ExpectSameRow(read, at++, rows, row);
        }
        ASSERT_EQ(at, size + 1);
      }
    }
  }
}

TEST(RowSegmentsTest, AnUsualRowTakesAboutTwelveBytes) {
  SeededRandom random(3);
  RowColumns rows(2);
  rows.Resize(2000);
  std::vector<std::uint32_t> partition(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    rows.device[row] = static_cast<std::uint32_t>(random.NextBelow(10'000));
    rows.time_us[row] = 1'762'000'000'000'000 + static_cast<std::int64_t>(row) * 2'000;
    rows.status[row] = 0;
    rows.metrics[0][row] = static_cast<double>(random.NextBelow(8'000)) / 100;
    rows.metrics[1][row] = static_cast<double>(random.NextBelow(10'000)) / 100;
    partition[row] = static_cast<std::uint32_t>(random.NextBelow(40));
  }
  RowSegments segments;
  segments.Build(rows, partition, 40);
  std::size_t bytes = 0;
  for (const auto& segment : segments.segments()) bytes += segment.size;
  EXPECT_LT(bytes, rows.size() * 13);
}

}  // namespace
}  // namespace tocsin
