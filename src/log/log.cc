#include "log/log.h"

#include <algorithm>

namespace tocsin {
namespace {

constexpr std::size_t kMaxTopicName = 249;
constexpr std::int32_t kMaxPartitions = 1024;

bool IsTopicCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

}  // namespace

Result<std::int32_t> PartitionCount(Log& log, const std::string& topic) {
  TOCSIN_ASSIGN(const std::vector<TopicInfo> topics, log.Topics());
  for (const TopicInfo& info : topics) {
    if (info.name == topic) return info.partitions;
  }
  return Fail(Code::kNotFound,
              "topic " + topic + " does not exist; `tocsin topic ls` lists topics");
}

Status CheckTopic(const std::string& topic, const TopicConfig& config) {
  if (topic.empty() || topic.size() > kMaxTopicName || topic == "." || topic == ".." ||
      !std::all_of(topic.begin(), topic.end(), IsTopicCharacter)) {
    return Fail(Code::kInvalidArgument, "topic name \"" + topic +
                                            "\": use 1 to 249 of the characters a-z, A-Z, 0-9, "
                                            "'.', '_' and '-'");
  }
  if (config.partitions < 1 || config.partitions > kMaxPartitions) {
    return Fail(
        Code::kInvalidArgument,
        "topic " + topic + ": " + std::to_string(config.partitions) + " partitions; use 1 to 1024");
  }
  if (config.retention_bytes < 0 || config.retention_ms < 0) {
    return Fail(Code::kInvalidArgument, "topic " + topic +
                                            ": its retention is negative; use 0 for "
                                            "no limit");
  }
  return {};
}

}  // namespace tocsin
