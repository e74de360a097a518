#pragma once

#include <memory>

// librdkafka's types without its header, and owners that destroy them.
extern "C" {
struct rd_kafka_s;
struct rd_kafka_conf_s;
struct rd_kafka_topic_s;
struct rd_kafka_queue_s;
struct rd_kafka_message_s;
struct rd_kafka_error_s;
struct rd_kafka_topic_partition_list_s;
}

namespace tocsin {

struct RdDestroy {
  void operator()(rd_kafka_conf_s* conf) const;
  void operator()(rd_kafka_topic_s* topic) const;
  void operator()(rd_kafka_queue_s* queue) const;
  void operator()(rd_kafka_message_s* message) const;
  void operator()(rd_kafka_error_s* error) const;
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};

using RdConf = std::unique_ptr<rd_kafka_conf_s, RdDestroy>;
using RdTopic = std::unique_ptr<rd_kafka_topic_s, RdDestroy>;
using RdQueue = std::unique_ptr<rd_kafka_queue_s, RdDestroy>;
using RdMessage = std::unique_ptr<rd_kafka_message_s, RdDestroy>;
using RdError = std::unique_ptr<rd_kafka_error_s, RdDestroy>;
using RdPartitions = std::unique_ptr<rd_kafka_topic_partition_list_s, RdDestroy>;

}  // namespace tocsin
