#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "kafka_log/client.h"
#include "kafka_log/cluster.h"
#include "kafka_log/group_consumer.h"
#include "kafka_log/kafka_options.h"
#include "kafka_log/producer_pool.h"
#include "kafka_log/reader.h"
#include "kafka_log/state_store.h"

namespace tocsin {

// What the parts of one Kafka log share.
struct KafkaCore {
  KafkaCore(KafkaOptions options_in, std::unique_ptr<Client> client_in,
            std::unique_ptr<Log> copy_in)
      : options(std::move(options_in)),
        copy(std::move(copy_in)),
        client(std::move(client_in)),
        cluster(options, *client),
        reader(options, *client, cluster),
        state(options, cluster, reader, copy.get()),
        producers(options, true),
        plain_producers(options, false) {}

  const KafkaOptions options;
  const std::unique_ptr<Log> copy;       // of keyed state, on this machine; may be null
  const std::unique_ptr<Client> client;  // for questions and for reading beside the groups
  Cluster cluster;
  Reader reader;
  StateStore state;
  ProducerPool producers;
  ProducerPool plain_producers;  // without transactions

  // Partitions of a topic, asked for once, and again after a transaction that failed: a topic may
  // have been made anew with fewer. While no broker answers, the last answer stands.
  Result<std::int32_t> PartitionsOf(const std::string& topic);
  void DoubtPartitions();

  std::mutex mutex;                                            // guards the rest
  std::map<std::string, GroupConsumer*, std::less<>> members;  // of this process, by group
  struct Known {
    std::int32_t partitions = 0;
    bool doubted = false;
  };
  std::unordered_map<std::string, Known> topics;
  std::uint64_t append_count = 0;
  std::condition_variable_any appended;
};

}  // namespace tocsin
