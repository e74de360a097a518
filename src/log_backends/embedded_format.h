#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "log/log.h"

// Keys and values of the embedded log: docs/formats/embedded_log.md.
namespace tocsin::embedded_format {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::string_view kFormatKey = "format";
inline constexpr std::string_view kTopicPrefix = "topic/";
inline constexpr std::string_view kNextPrefix = "next/";
inline constexpr std::string_view kStartPrefix = "start/";
inline constexpr std::string_view kLostPrefix = "lost/";
inline constexpr std::string_view kGroupPrefix = "g/";
inline constexpr std::string_view kOffsetPrefix = "o/";
inline constexpr std::size_t kStateBlobBytes = 1u << 20;

// A place in a partition: an offset and the bytes stored before it.
struct Place {
  std::int64_t offset = 0;
  std::uint64_t position = 0;
};

enum class StateKind : std::uint8_t { kSnapshot = 0, kDelta = 1 };

struct StateKey {
  std::string store;
  std::int32_t partition = 0;
  std::uint64_t sequence = 0;
  StateKind kind = StateKind::kSnapshot;
};

std::string FamilyName(const TopicPartition& partition);
std::optional<TopicPartition> ParseFamilyName(std::string_view name);

std::string BatchKey(std::int64_t base_offset);

std::string TopicKey(std::string_view topic);
std::string TopicValue(const TopicConfig& config);
std::optional<TopicConfig> ParseTopicValue(std::string_view value);

// kNextPrefix or kStartPrefix.
std::string PlaceKey(std::string_view prefix, const TopicPartition& partition);
std::string PlaceValue(const Place& place);
std::optional<Place> ParsePlaceValue(std::string_view value);

std::string LostKey(const TopicPartition& partition, std::int64_t first);
// The key after its prefix.
std::optional<std::pair<TopicPartition, std::int64_t>> ParseLostKey(std::string_view rest);

std::string GroupKey(std::string_view group, std::string_view topic);
std::optional<std::pair<std::string, std::string>> ParseGroupKey(std::string_view rest);
std::string OffsetKey(std::string_view group, const TopicPartition& partition);
std::optional<std::pair<std::string, TopicPartition>> ParseOffsetKey(std::string_view rest);

std::string OffsetValue(std::int64_t offset);
std::optional<std::int64_t> ParseOffsetValue(std::string_view value);

// What all keys of (store, partition) begin with.
std::string StatePrefix(std::string_view store, std::int32_t partition);
std::string StateBlobKey(std::string_view prefix, std::uint64_t sequence, StateKind kind);
// The smallest key of `sequence`, for ranges.
std::string StateSequenceKey(std::string_view prefix, std::uint64_t sequence);
std::optional<StateKey> ParseStateKey(std::string_view key);

}  // namespace tocsin::embedded_format
