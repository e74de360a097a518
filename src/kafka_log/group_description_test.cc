#include "kafka_log/group_description.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

using Bytes = std::vector<std::uint8_t>;

const Bytes kTwoTopics = {0,   3,                                                 // version
                          0,   0,   0,   2,                                       // topics
                          0,   1,   'a', 0,   0,   0, 2, 0, 0, 0, 5, 0, 0, 1, 0,  // a: 5, 256
                          0,   3,   'b', '.', 'c', 0, 0, 0, 1, 0, 0, 0, 0,        // b.c: 0
                          255, 255, 255, 255};                                    // no user data

TEST(MemberAssignment, EveryTopicAndPartitionIsRead) {
  EXPECT_EQ(ParseMemberAssignment(kTwoTopics).value(),
            (std::vector<TopicPartition>{{"a", 5}, {"a", 256}, {"b.c", 0}}));
}

TEST(MemberAssignment, NoBytesAreNoPartitions) {
  EXPECT_TRUE(ParseMemberAssignment({}).value().empty());
}

TEST(MemberAssignment, BytesThatEndTooEarlyAreRefused) {
  const std::size_t needed = kTwoTopics.size() - 4;  // user data is not read
  for (std::size_t size = 1; size < needed; ++size) {
    const auto parsed = ParseMemberAssignment(std::span(kTwoTopics).first(size));
    ASSERT_FALSE(parsed.has_value()) << size;
    EXPECT_EQ(parsed.error().code(), Code::kDataLoss);
  }
  EXPECT_TRUE(ParseMemberAssignment(std::span(kTwoTopics).first(needed)).has_value());
}

TEST(MemberAssignment, CountsThatCannotBeAreRefusedAtTheirFirstMissingByte) {
  EXPECT_FALSE(ParseMemberAssignment(Bytes{0, 1, 127, 255, 255, 255}).has_value());
  EXPECT_FALSE(ParseMemberAssignment(Bytes{0, 1, 0, 0, 0, 1, 255, 254}).has_value());
}

TEST(GroupDescription, UnheldAreThoseOfTheTopicThatNoMemberHas) {
  const GroupDescription group{.stable = true,
                               .members = {{"x", {{"t", 3}, {"t", 0}, {"other", 1}}}, {"y", {}}}};
  EXPECT_EQ(group.Unheld("t", 5), (std::vector<std::int32_t>{1, 2, 4}));
  EXPECT_TRUE(group.Unheld("t", 1).empty());
  EXPECT_EQ(group.Unheld("u", 2), (std::vector<std::int32_t>{0, 1}));
}

TEST(GroupDescription, TheLightestHasTheFewestPartitionsThenTheFirstId) {
  GroupDescription group{.stable = true,
                         .members = {{"a", {{"t", 0}, {"t", 1}}}, {"c", {{"t", 2}}}}};
  EXPECT_EQ(group.Lightest()->id, "c");
  group.members.push_back({"b", {{"t", 3}}});
  EXPECT_EQ(group.Lightest()->id, "b");
  EXPECT_EQ(GroupDescription().Lightest(), nullptr);
}

}  // namespace
}  // namespace tocsin
