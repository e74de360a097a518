#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.h"
#include "kafka_log/client.h"
#include "log/log.h"

struct rd_kafka_consumer_group_metadata_s;

namespace tocsin {

// Where a produced record came to lie, and how many are not yet durable.
struct Delivery {
  std::int64_t first_offset = -1;  // of the first record that was given this
  std::int64_t left = 0;
  int error = 0;
};

// One idempotent producer; with a transactional id one transaction at a time. Used by one thread at
// a time.
//
// After any failure the producer is of no further use: destroy it. A new one with the same
// transactional id ends what the old one left, one way or the other, before Make() returns.
class Producer {
 public:
  // `transactional_id` empty: no transactions. `reports`: Produce() may ask for offsets.
  static Result<std::unique_ptr<Producer>> Make(const KafkaOptions& options,
                                                const std::string& transactional_id, bool reports);

  ~Producer();  // drops what is not sent

  // True when a request of a transaction that has ended may still be on its way. It would hit the
  // next transaction of this producer: destroy it, a new one's epoch keeps the late one out.
  bool HasStragglers() const;

  const std::string& transactional_id() const { return transactional_id_; }
  bool reports() const { return reports_; }

  Status Begin();
  // Sends `count` encoded records (log/record_batch.h). They are not copied: `payload` and
  // `delivery` (may be null) must live until the commit or Wait() succeeded or the producer is
  // gone. Waits while the queue is full.
  Status Produce(const TopicPartition& partition, std::string_view payload, std::uint32_t count,
                 Delivery* delivery);
  Status SendOffsets(const rd_kafka_topic_partition_list_s& offsets,
                     const rd_kafka_consumer_group_metadata_s& group);
  struct CommitFailure {
    Error error;
    bool doubtful = false;  // it may be committed
  };
  std::expected<void, CommitFailure> Commit();
  // Tries for a moment to end the transaction without a trace; destroy the producer then.
  void Abort();
  // Waits until `delivery` has nothing left; without transactions.
  Status Wait(const Delivery& delivery);

 private:
  Producer() = default;
  static void OnDelivered(const rd_kafka_message_s& message, void* self);
  rd_kafka_topic_s* TopicOf(const std::string& name);
  Status ProduceWithHeaders(const TopicPartition& partition, const Record& record,
                            Delivery* delivery);
  Status WaitForRoom(std::int64_t& waited_ms, std::string_view what);

  std::string transactional_id_;
  bool reports_ = false;
  int timeout_ms_ = 0;
  std::unique_ptr<Client> client_;
  std::unordered_map<std::string, RdTopic> topics_;  // of client_: destroyed before it
};

}  // namespace tocsin
