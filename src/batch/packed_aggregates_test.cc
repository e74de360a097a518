#include "batch/packed_aggregates.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>

#include "batch/tables.h"

namespace tocsin {
namespace {

std::vector<std::uint64_t> Bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

class PackedAggregatesTest : public ::testing::Test {
 protected:
  PackedAggregatesTest() {
    for (const char* id : {"unused", "b", "a", "c"}) devices_.Encode(id);
    rows_.rows = 4;
    rows_.columns[0].dictionary = {devices_.Decode(2), devices_.Decode(1), devices_.Decode(3)};
    rows_.columns[0].codes = {0, 1, 1, 2};
    for (std::size_t c = 1; c < schema_.size(); ++c) {
      if (schema_[c].kind == ColumnKind::kDouble) {
        rows_.columns[c].doubles = {0.1, std::numeric_limits<double>::quiet_NaN(), -0.0,
                                    1e300 * static_cast<double>(c)};
      } else {
        rows_.columns[c].ints = {-3'600'000'000, 1'763'892'000'000'000,
                                 std::numeric_limits<std::int64_t>::max(),
                                 std::numeric_limits<std::int64_t>::min()};
      }
    }
  }

  const TableSchema schema_ = AggregatesSchema(Settings().metrics);
  DeviceDictionary devices_;
  TableChunk rows_{schema_.size()};
};

TEST_F(PackedAggregatesTest, GivesBackEveryBit) {
  TableChunk back(schema_.size());
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(UnpackAggregates(PackAggregates(rows_, devices_), schema_, devices_, back));
    ASSERT_EQ(back.rows, rows_.rows);
    EXPECT_EQ(back.columns[0].codes, rows_.columns[0].codes);
    EXPECT_EQ(back.columns[0].dictionary, rows_.columns[0].dictionary);
    for (std::size_t c = 1; c < schema_.size(); ++c) {
      EXPECT_EQ(back.columns[c].ints, rows_.columns[c].ints) << c;
      EXPECT_EQ(Bits(back.columns[c].doubles), Bits(rows_.columns[c].doubles)) << c;
    }
  }
}

TEST_F(PackedAggregatesTest, NoRowsAreNoRows) {
  TableChunk back(schema_.size());
  back = rows_;
  ASSERT_TRUE(UnpackAggregates(PackAggregates(TableChunk(schema_.size()), devices_), schema_,
                               devices_, back));
  EXPECT_EQ(back.rows, 0U);
  EXPECT_TRUE(back.columns[0].codes.empty());
}

TEST_F(PackedAggregatesTest, RefusesOtherBytes) {
  const std::string packed = PackAggregates(rows_, devices_);
  TableChunk back(schema_.size());
  EXPECT_FALSE(UnpackAggregates("", schema_, devices_, back));
  for (std::size_t size = 0; size < packed.size(); ++size) {
    EXPECT_FALSE(UnpackAggregates(packed.substr(0, size), schema_, devices_, back)) << size;
  }
  DeviceDictionary fewer;
  fewer.Encode("a");
  EXPECT_FALSE(UnpackAggregates(packed, schema_, fewer, back)) << "codes of others";
  EXPECT_FALSE(
      UnpackAggregates(packed, CleansedSchema(Settings().metrics, RuleSet()), devices_, back))
      << "another table";
}

}  // namespace
}  // namespace tocsin
