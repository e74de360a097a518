#include "log_backends/embedded_format.h"

#include <charconv>

#include "base/bytes.h"

namespace tocsin::embedded_format {
namespace {

constexpr std::string_view kFamilyPrefix = "t:";

void PutPartition(std::string& out, std::int32_t partition) {
  PutBigEndian32(out, static_cast<std::uint32_t>(partition));
}

// name \0 …: takes the name off `rest`.
std::optional<std::string_view> TakeName(std::string_view& rest) {
  const std::size_t zero = rest.find('\0');
  if (zero == std::string_view::npos) return std::nullopt;
  const std::string_view name = rest.substr(0, zero);
  rest.remove_prefix(zero + 1);
  return name;
}

std::int32_t PartitionAt(const char* at) {
  return static_cast<std::int32_t>(GetBigEndian32(at));
}

}  // namespace

std::string FamilyName(const TopicPartition& partition) {
  return std::string(kFamilyPrefix) + partition.topic + ":" + std::to_string(partition.partition);
}

std::optional<TopicPartition> ParseFamilyName(std::string_view name) {
  if (!name.starts_with(kFamilyPrefix)) return std::nullopt;
  name.remove_prefix(kFamilyPrefix.size());
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  TopicPartition partition{std::string(name.substr(0, colon)), 0};
  const char* const end = name.data() + name.size();
  const auto parsed = std::from_chars(name.data() + colon + 1, end, partition.partition);
  if (parsed.ec != std::errc() || parsed.ptr != end || partition.partition < 0) return std::nullopt;
  return partition;
}

std::string BatchKey(std::int64_t base_offset) {
  std::string key;
  PutBigEndian64(key, static_cast<std::uint64_t>(base_offset));
  return key;
}

std::string TopicKey(std::string_view topic) {
  return std::string(kTopicPrefix).append(topic);
}

std::string TopicValue(const TopicConfig& config) {
  std::string value;
  PutFixed(value, config.partitions);
  PutFixed(value, config.retention_bytes);
  PutFixed(value, config.retention_ms);
  return value;
}

std::optional<TopicConfig> ParseTopicValue(std::string_view value) {
  if (value.size() != 20) return std::nullopt;
  return TopicConfig{.partitions = GetFixed<std::int32_t>(value.data()),
                     .retention_bytes = GetFixed<std::int64_t>(value.data() + 4),
                     .retention_ms = GetFixed<std::int64_t>(value.data() + 12)};
}

std::string PlaceKey(std::string_view prefix, const TopicPartition& partition) {
  std::string key(prefix);
  key.append(partition.topic).push_back('\0');
  PutPartition(key, partition.partition);
  return key;
}

std::string PlaceValue(const Place& place) {
  std::string value;
  PutFixed(value, place.offset);
  PutFixed(value, place.position);
  return value;
}

std::optional<Place> ParsePlaceValue(std::string_view value) {
  if (value.size() != 16) return std::nullopt;
  return Place{GetFixed<std::int64_t>(value.data()), GetFixed<std::uint64_t>(value.data() + 8)};
}

std::string LostKey(const TopicPartition& partition, std::int64_t first) {
  std::string key = PlaceKey(kLostPrefix, partition);
  PutBigEndian64(key, static_cast<std::uint64_t>(first));
  return key;
}

std::optional<std::pair<TopicPartition, std::int64_t>> ParseLostKey(std::string_view rest) {
  const auto topic = TakeName(rest);
  if (!topic || rest.size() != 12) return std::nullopt;
  return std::pair(TopicPartition{std::string(*topic), PartitionAt(rest.data())},
                   static_cast<std::int64_t>(GetBigEndian64(rest.data() + 4)));
}

std::string GroupKey(std::string_view group, std::string_view topic) {
  std::string key(kGroupPrefix);
  key.append(group).push_back('\0');
  key.append(topic);
  return key;
}

std::optional<std::pair<std::string, std::string>> ParseGroupKey(std::string_view rest) {
  const auto group = TakeName(rest);
  if (!group) return std::nullopt;
  return std::pair(std::string(*group), std::string(rest));
}

std::string OffsetKey(std::string_view group, const TopicPartition& partition) {
  std::string key(kOffsetPrefix);
  key.append(group).push_back('\0');
  key.append(partition.topic).push_back('\0');
  PutPartition(key, partition.partition);
  return key;
}

std::optional<std::pair<std::string, TopicPartition>> ParseOffsetKey(std::string_view rest) {
  const auto group = TakeName(rest);
  if (!group) return std::nullopt;
  const auto topic = TakeName(rest);
  if (!topic || rest.size() != 4) return std::nullopt;
  return std::pair(std::string(*group),
                   TopicPartition{std::string(*topic), PartitionAt(rest.data())});
}

std::string OffsetValue(std::int64_t offset) {
  std::string value;
  PutFixed(value, offset);
  return value;
}

std::optional<std::int64_t> ParseOffsetValue(std::string_view value) {
  if (value.size() != 8) return std::nullopt;
  return GetFixed<std::int64_t>(value.data());
}

std::string StatePrefix(std::string_view store, std::int32_t partition) {
  std::string key(store);
  key.push_back('\0');
  PutPartition(key, partition);
  return key;
}

std::string StateSequenceKey(std::string_view prefix, std::uint64_t sequence) {
  std::string key(prefix);
  PutBigEndian64(key, sequence);
  return key;
}

std::string StateBlobKey(std::string_view prefix, std::uint64_t sequence, StateKind kind) {
  std::string key = StateSequenceKey(prefix, sequence);
  key.push_back(static_cast<char>(kind));
  return key;
}

std::optional<StateKey> ParseStateKey(std::string_view key) {
  const auto store = TakeName(key);
  if (!store || key.size() != 13) return std::nullopt;
  const auto kind = static_cast<std::uint8_t>(key[12]);
  if (kind > 1) return std::nullopt;
  return StateKey{std::string(*store), PartitionAt(key.data()), GetBigEndian64(key.data() + 4),
                  static_cast<StateKind>(kind)};
}

}  // namespace tocsin::embedded_format
