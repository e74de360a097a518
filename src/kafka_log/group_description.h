#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// A consumer group as its coordinator tells of it.
struct GroupDescription {
  struct Member {
    std::string id;
    std::vector<TopicPartition> partitions;
  };
  bool stable = false;  // nobody is expected to join
  std::vector<Member> members;

  // Of the partitions 0 to `count` - 1 of `topic` those that nobody holds, ascending.
  std::vector<std::int32_t> Unheld(std::string_view topic, std::int32_t count) const;
  // The one that has the least to lose: of those with the fewest partitions the first by id. Every
  // member finds the same one. Null without members.
  const Member* Lightest() const;
};

// What the leader of a group gave to one member, in the bytes of Kafka's consumer protocol
// (ConsumerProtocolAssignment, any version). kDataLoss for bytes that are none.
Result<std::vector<TopicPartition>> ParseMemberAssignment(std::span<const std::uint8_t> bytes);

}  // namespace tocsin
