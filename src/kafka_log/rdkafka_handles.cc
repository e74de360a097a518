#include "kafka_log/rdkafka_handles.h"

#include <librdkafka/rdkafka.h>

namespace tocsin {

void RdDestroy::operator()(rd_kafka_conf_s* conf) const {
  rd_kafka_conf_destroy(conf);
}
void RdDestroy::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}
void RdDestroy::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}
void RdDestroy::operator()(rd_kafka_message_s* message) const {
  rd_kafka_message_destroy(message);
}
void RdDestroy::operator()(rd_kafka_error_s* error) const {
  rd_kafka_error_destroy(error);
}
void RdDestroy::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}

}  // namespace tocsin
