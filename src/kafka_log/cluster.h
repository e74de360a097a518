#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "kafka_log/client.h"
#include "kafka_log/group_description.h"
#include "log/log.h"

namespace tocsin {

struct NewTopic {
  std::string name;
  std::int32_t partitions = 1;
  int replication = -1;
  std::vector<std::pair<std::string, std::string>> config;
};

// Questions to the cluster: its topics, their ends, the offsets of groups. Thread-safe; each call
// waits for the answer, at most the request time limit.
class Cluster {
 public:
  Cluster(const KafkaOptions& options, Client& client) : options_(options), client_(client) {}

  // By name, without Kafka's own.
  Result<std::vector<TopicInfo>> Topics();
  // Nothing when it does not exist. A partition may have no leader at the moment.
  Result<std::optional<std::int32_t>> Partitions(const std::string& topic);
  // Returns when every partition has a leader. An existing topic is no error.
  Status Create(const NewTopic& topic);

  enum class End : std::uint8_t {
    kStable,  // behind what readers of committed transactions can see
    kWritten  // behind everything, open transactions too
  };
  Result<std::int64_t> EndOffset(const TopicPartition& partition, End end);
  Result<std::int64_t> BeginOffset(const TopicPartition& partition);

  // Waits for offsets that an ending transaction is about to commit. Asked through a client of that
  // group: librdkafka 2.15's ListConsumerGroupOffsets ends the process when the broker goes away
  // while it waits for an answer.
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition);
  // Sets the offsets of a group that nobody reads by at the moment.
  Status SetOffsets(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets);
  // Its members and what they hold; no members of a group that nobody has joined. Needs an answer
  // of every broker.
  Result<GroupDescription> Describe(const std::string& group, int timeout_ms);
  // Names the cluster; empty when it does not say.
  std::string Id();

 private:
  Result<bool> HasLeaders(const std::string& topic);
  Result<std::int64_t> ListOffset(const TopicPartition& partition, std::int64_t spec,
                                  bool committed_only);
  // `error` is Kafka's code of the partition.
  Result<std::int64_t> ListOffsetOnce(const TopicPartition& partition, std::int64_t spec,
                                      bool committed_only, int& error);

  // `error` is Kafka's code of what failed.
  Status SetOffsetsOnce(const std::string& group,
                        const std::map<TopicPartition, std::int64_t>& offsets, int& error);

  // Never joins the group.
  Result<Client*> ClientOf(const std::string& group);

  const KafkaOptions& options_;
  Client& client_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Client>> group_clients_;
};

}  // namespace tocsin
