#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kafka_log/client.h"
#include "kafka_log/cluster.h"
#include "kafka_log/message_batcher.h"
#include "log/log.h"

struct rd_kafka_consumer_group_metadata_s;

namespace tocsin {

struct GroupMetadataDestroy {
  void operator()(rd_kafka_consumer_group_metadata_s* metadata) const;
};
using GroupMetadata = std::unique_ptr<rd_kafka_consumer_group_metadata_s, GroupMetadataDestroy>;

// A member of a consumer group: cooperative rebalancing, static membership, offsets committed by
// transactions only. A partition that moves on is reported first and given up with the next Poll,
// so that what was done of it can still be committed. Partitions that a member left behind, dying
// while they moved, are found and shared out anew within about two session timeouts.
class GroupConsumer {
 public:
  // kNotFound for an unknown topic. Does not wait for the group.
  static Result<std::unique_ptr<GroupConsumer>> Make(const KafkaOptions& options, Cluster& cluster,
                                                     const ConsumerOptions& consumer);
  ~GroupConsumer();

  Result<PollResult> Poll(std::size_t max_records, std::int64_t timeout_us, std::stop_token stop);
  Result<std::int64_t> Lag();
  Status Rewind();

  // What fences a commit of this member: read right before it. kFenced when it has no place in the
  // group at the moment. Any thread.
  Result<GroupMetadata> Metadata() const;
  // Commits without a transaction (at least once). Any thread.
  Status Commit(const std::map<TopicPartition, std::int64_t>& offsets);

  const std::string& group() const { return consumer_.group; }

 private:
  struct Owned {
    std::int64_t next = -1;    // behind the last record that was handed out; -1 = none yet
    std::int64_t end_at = -1;  // the end, while nothing lies between it and `next`
    MessageBatcher batcher;
  };

  GroupConsumer(const KafkaOptions& options, Cluster& cluster, ConsumerOptions consumer,
                std::int32_t partitions)
      : options_(options),
        cluster_(cluster),
        consumer_(std::move(consumer)),
        partitions_(partitions) {}
  Status Connect();
  Status Join();
  Status StandBy(std::int64_t timeout_us);
  void LeaveUnlessFirst();
  Status ShareWhatNobodyHolds();
  static void OnRebalance(int event, rd_kafka_topic_partition_list_s& partitions, void* self);
  void Assign(const rd_kafka_topic_partition_list_s& partitions);
  void Revoke(const rd_kafka_topic_partition_list_s& partitions);
  void GiveUpRevoked();
  Status StartAtEnd(const rd_kafka_topic_partition_list_s& partitions);
  Status SeekToCommitted();
  Result<PollResult> PollRewound();
  Status CheckFatal() const;
  Status Recover();
  Status Gather(std::size_t max_records, std::int64_t timeout_us, const std::stop_token& stop);
  std::size_t Consume(std::size_t max_records, std::int64_t timeout_us);
  void Take(const rd_kafka_message_s& message);

  const KafkaOptions& options_;
  Cluster& cluster_;
  const ConsumerOptions consumer_;
  const std::int32_t partitions_;  // of the topic
  const SystemClock clock_;
  std::unique_ptr<Client> client_;
  RdQueue queue_;
  std::vector<rd_kafka_message_s*> messages_;
  std::map<std::int32_t, Owned> owned_;
  Owned* last_owned_ = nullptr;  // of last_partition_; null when that may have gone
  std::int32_t last_partition_ = -1;
  std::vector<std::int32_t> touched_;  // with records in their batcher
  // What callbacks told during a poll.
  std::vector<std::int32_t> assigned_;
  std::vector<std::int32_t> revoked_;
  RdPartitions to_give_up_;  // reported as revoked; given up with the next poll
  bool joined_ = false;
  bool rewind_ = false;
  bool closing_ = false;
  std::array<std::int64_t, 2>
      recovered_us_{};                   // the last times that count, steady clock; 0 = never
  bool standing_by_ = false;             // out of the group until nobody is in it
  std::int64_t look_again_us_ = 0;       // for members, when standing by; steady clock
  std::int64_t look_for_unheld_us_ = 0;  // steady clock; 0 = not before the next rebalance
  Status failed_;
};

}  // namespace tocsin
