#include "batch/row_sorter.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "batch/batch_test_support.h"

namespace tocsin {
namespace {

struct Input {
  std::string device;
  std::int64_t time_us;
  double value;  // tells rows of one key apart
};
using Sorted = std::vector<std::tuple<std::string, std::int64_t, double>>;

constexpr std::size_t kSmallest = 64 * 48;  // rows of one metric are 48 bytes with their order

Sorted SortAll(const std::vector<Input>& rows, std::size_t memory_bytes, std::size_t* runs) {
  ScratchDirectory scratch;
  DeviceDictionary devices;
  RowSorter sorter({1}, devices, memory_bytes, scratch / "spill");
  for (const Input& row : rows) {
    if (sorter.full()) {
      EXPECT_TRUE(sorter.Spill().has_value());
    }
    std::uint64_t* const words = sorter.Append();
    SetRowHead(words, row.time_us, 5, devices.Encode(row.device), 7);
    SetRowMetric(words, 0, row.value);
  }
  const auto sorted = sorter.Finish();
  EXPECT_TRUE(sorted.has_value());
  Sorted result;
  while (const std::uint64_t* words = (*sorted)->Next()) {
    const RowView row(words);
    EXPECT_EQ(row.conditions(), 5U);
    EXPECT_EQ(row.status(), 7U);
    result.emplace_back(devices.Decode(row.device()), row.time_us(), row.metric(0));
  }
  EXPECT_TRUE((*sorted)->status().has_value());
  *runs = sorter.runs();
  return result;
}

Sorted SortSimply(std::vector<Input> rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const Input& a, const Input& b) {
    return std::tie(a.device, a.time_us) < std::tie(b.device, b.time_us);
  });
  Sorted result;
  for (const Input& row : rows) result.emplace_back(row.device, row.time_us, row.value);
  return result;
}

TEST(RowSorterTest, SortsByDeviceBytesThenTimeThenArrivalInMemoryAndSpilled) {
  EXPECT_TRUE(rc::check([] {
    const auto keys = *rc::gen::container<std::vector<std::pair<int, int>>>(
        1000, rc::gen::pair(rc::gen::inRange(-3, 4), rc::gen::inRange(-20, 20)));
    std::vector<Input> rows;
    for (const auto& [device, time] : keys) {
      const std::string id = device < 0 ? std::string(1, static_cast<char>(0x100 + device))
                                        : "dev_" + std::to_string(device * 5);
      rows.push_back({id, time, static_cast<double>(rows.size())});
    }
    const Sorted expected = SortSimply(rows);
    std::size_t runs = 0;
    RC_ASSERT(SortAll(rows, 1 << 20, &runs) == expected);
    RC_ASSERT(runs == 0U);
    RC_ASSERT(SortAll(rows, 0, &runs) == expected);
    RC_ASSERT(runs >= 15U);
  }));
}

TEST(RowSorterTest, HasNoRowsForNoRows) {
  std::size_t runs = 0;
  EXPECT_TRUE(SortAll({}, 1 << 20, &runs).empty());
}

TEST(RowSorterTest, LeavesNoTemporaryFileBehind) {
  const ScratchDirectory scratch;
  DeviceDictionary devices;
  RowSorter sorter({1}, devices, kSmallest, scratch.path());
  for (int i = 0; i < 200; ++i) {
    if (sorter.full()) {
      ASSERT_TRUE(sorter.Spill().has_value());
    }
    SetRowHead(sorter.Append(), i, 0, devices.Encode("d"), 0);
  }
  EXPECT_EQ(sorter.runs(), 3U);
  EXPECT_TRUE(scratch.Names().empty());
}

TEST(RowSorterTest, ASpillDirectoryThatCannotBeMadeIsADiskError) {
  const ScratchDirectory scratch;
  scratch.Write("file", "");
  DeviceDictionary devices;
  RowSorter sorter({1}, devices, kSmallest, scratch / "file/spill");
  while (!sorter.full()) SetRowHead(sorter.Append(), 0, 0, devices.Encode("d"), 0);
  const Status status = sorter.Spill();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), Code::kDiskError);
}

TEST(SpillFileTest, ReadsItsBlocksBackAndNoticesWrongBytes) {
  const ScratchDirectory scratch;
  auto file = SpillFile::Create(scratch.path());
  ASSERT_TRUE(file.has_value());
  const std::vector<std::uint64_t> first = {1, 2, 3};
  const std::vector<std::uint64_t> second = {4};
  ASSERT_EQ(file->AppendBlock(first), 0U);
  ASSERT_EQ(file->AppendBlock(second), 32U);
  std::vector<std::uint64_t> words(3);
  ASSERT_TRUE(file->ReadBlock(0, words).has_value());
  EXPECT_EQ(words, first);
  words.resize(1);
  ASSERT_TRUE(file->ReadBlock(32, words).has_value());
  EXPECT_EQ(words, second);
  const Status wrong = file->ReadBlock(8, words);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code(), Code::kDataLoss);
}

}  // namespace
}  // namespace tocsin
