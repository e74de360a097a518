#include "log/partitioner.h"

#include <gtest/gtest.h>

#include <string>

namespace tocsin {
namespace {

// The vectors of org.apache.kafka.common.utils.UtilsTest.testMurmur2.
TEST(Murmur2Test, GivesTheNumbersOfKafka) {
  const auto hash = [](std::string_view bytes) {
    return static_cast<std::int32_t>(Murmur2(bytes));
  };
  EXPECT_EQ(hash("21"), -973932308);
  EXPECT_EQ(hash("foobar"), -790332482);
  EXPECT_EQ(hash("a-little-bit-long-string"), -985981536);
  EXPECT_EQ(hash("a-little-bit-longer-string"), -1486304829);
  EXPECT_EQ(hash("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), -58897971);
  EXPECT_EQ(hash("abc"), 479470107);
}

TEST(Murmur2Test, TakesBytesAboveAsciiAsKafkaDoes) {
  // Kafka masks each tail byte with 0xff; a sign-extended byte would give another number.
  EXPECT_NE(Murmur2("\xff"), Murmur2("\x7f"));
  EXPECT_EQ(Murmur2(std::string_view("\xff\xff\xff", 3)), Murmur2(std::string(3, '\xff')));
}

TEST(PartitionOfTest, IsThePositivePartOfTheHashModuloThePartitions) {
  EXPECT_EQ(PartitionOf("abc", 4), 479470107 % 4);
  EXPECT_EQ(PartitionOf("21", 4),
            static_cast<std::int32_t>((static_cast<std::uint32_t>(-973932308) & 0x7fffffff) % 4));
  EXPECT_EQ(PartitionOf("anything", 1), 0);
  EXPECT_GE(PartitionOf("", 7), 0);
}

}  // namespace
}  // namespace tocsin
