#pragma once

#include <cstdint>
#include <string_view>

namespace tocsin {

// Kafka's murmur2 (org.apache.kafka.common.utils.Utils.murmur2, seed 0x9747b28c), so that a
// stream moved to Kafka keeps its partitions.
std::uint32_t Murmur2(std::string_view bytes);

// The partition of a key: toPositive(murmur2(key)) % partitions.
inline std::int32_t PartitionOf(std::string_view key, std::int32_t partitions) {
  return static_cast<std::int32_t>((Murmur2(key) & 0x7fffffff) %
                                   static_cast<std::uint32_t>(partitions));
}

}  // namespace tocsin
