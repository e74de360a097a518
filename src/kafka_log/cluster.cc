#include "kafka_log/cluster.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>

#include "base/clock.h"
#include "kafka_log/kafka_error.h"

namespace tocsin {
namespace {

constexpr std::chrono::milliseconds kAgain{10};
constexpr std::int64_t kLeaderWaitUs = 20'000'000;

struct EventDestroy {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using Event = std::unique_ptr<rd_kafka_event_t, EventDestroy>;
struct OptionsDestroy {
  void operator()(rd_kafka_AdminOptions_t* options) const {
    rd_kafka_AdminOptions_destroy(options);
  }
};
using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, OptionsDestroy>;
struct MetadataDestroy {
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
};
using Metadata = std::unique_ptr<const rd_kafka_metadata_t, MetadataDestroy>;
struct GroupListDestroy {
  void operator()(const rd_kafka_group_list* list) const { rd_kafka_group_list_destroy(list); }
};
using GroupList = std::unique_ptr<const rd_kafka_group_list, GroupListDestroy>;

std::string Name(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

RdPartitions OnePartition(const TopicPartition& partition) {
  RdPartitions list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition);
  return list;
}

AdminOptions MakeOptions(rd_kafka_t* rk, rd_kafka_admin_op_t operation, int timeout_ms) {
  AdminOptions options(rd_kafka_AdminOptions_new(rk, operation));
  char reason[128];
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, reason, sizeof reason);
  return options;
}

// The answer that `queue` brings, or why there is none.
Result<Event> Answer(rd_kafka_queue_t* queue, int timeout_ms, std::string_view what) {
  Event event(rd_kafka_queue_poll(queue, timeout_ms + 1000));
  if (event == nullptr) return std::unexpected(KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, what));
  const rd_kafka_resp_err_t error = rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(KafkaError(error, what, rd_kafka_event_error_string(event.get())));
  }
  return event;
}

Result<Metadata> ReadMetadata(rd_kafka_t* rk, const std::string* topic, int timeout_ms) {
  RdTopic handle;
  if (topic != nullptr) handle.reset(rd_kafka_topic_new(rk, topic->c_str(), nullptr));
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(rk, topic == nullptr ? 1 : 0, handle.get(), &metadata, timeout_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(KafkaError(error, "reading the topics of the cluster"));
  }
  return Metadata(metadata);
}

// Of the answer about one topic; no number when it does not exist.
Result<std::optional<std::int32_t>> PartitionsIn(const rd_kafka_metadata_t& metadata,
                                                 const std::string& topic) {
  if (metadata.topic_cnt != 1) return std::nullopt;
  const rd_kafka_metadata_topic& found = metadata.topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
      found.err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC) {
    return std::nullopt;
  }
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(KafkaError(found.err, "topic " + topic));
  }
  return found.partition_cnt;
}

// A coordinator that moves or begins: of a new cluster, too.
bool CoordinatorComesSoon(int error) {
  return error == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
         error == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
         error == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE;
}

}  // namespace

Result<std::vector<TopicInfo>> Cluster::Topics() {
  TOCSIN_ASSIGN(const Metadata metadata,
                ReadMetadata(client_.get(), nullptr, options_.request_timeout_ms));
  std::vector<TopicInfo> topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    const rd_kafka_metadata_topic& topic = metadata->topics[i];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR || std::string_view(topic.topic).starts_with("__"))
      continue;
    topics.push_back({topic.topic, topic.partition_cnt});
  }
  std::ranges::sort(topics, {}, &TopicInfo::name);
  return topics;
}

Result<std::optional<std::int32_t>> Cluster::Partitions(const std::string& topic) {
  TOCSIN_ASSIGN(const Metadata metadata,
                ReadMetadata(client_.get(), &topic, options_.request_timeout_ms));
  return PartitionsIn(*metadata, topic);
}

Result<bool> Cluster::HasLeaders(const std::string& topic) {
  TOCSIN_ASSIGN(const Metadata metadata,
                ReadMetadata(client_.get(), &topic, options_.request_timeout_ms));
  TOCSIN_ASSIGN(const std::optional<std::int32_t> count, PartitionsIn(*metadata, topic));
  if (!count) return false;
  const std::span partitions(metadata->topics[0].partitions, static_cast<std::size_t>(*count));
  return std::ranges::all_of(partitions, [](const auto& each) { return each.leader >= 0; });
}

Status Cluster::Create(const NewTopic& topic) {
  const std::string what = "creating topic " + topic.name;
  char reason[256];
  rd_kafka_NewTopic_t* request = rd_kafka_NewTopic_new(topic.name.c_str(), topic.partitions,
                                                       topic.replication, reason, sizeof reason);
  if (request == nullptr) return Fail(Code::kInvalidArgument, what + ": " + reason);
  for (const auto& [key, value] : topic.config) {
    rd_kafka_NewTopic_set_config(request, key.c_str(), value.c_str());
  }
  const RdQueue queue(rd_kafka_queue_new(client_.get()));
  const AdminOptions options =
      MakeOptions(client_.get(), RD_KAFKA_ADMIN_OP_CREATETOPICS, options_.request_timeout_ms);
  rd_kafka_CreateTopics(client_.get(), &request, 1, options.get(), queue.get());
  rd_kafka_NewTopic_destroy(request);
  TOCSIN_ASSIGN(const Event event, Answer(queue.get(), options_.request_timeout_ms, what));
  std::size_t count = 0;
  const rd_kafka_topic_result_t** results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
      continue;
    const char* detail = rd_kafka_topic_result_error_string(results[i]);
    return std::unexpected(KafkaError(error, what, detail == nullptr ? "" : detail));
  }
  const SystemClock clock;
  const std::int64_t deadline_us = clock.SteadyUs() + kLeaderWaitUs;
  for (;;) {
    if (HasLeaders(topic.name).value_or(false)) return {};
    if (clock.SteadyUs() > deadline_us) {
      return Fail(Code::kUnavailable,
                  "topic " + topic.name + " was created, but has no leaders yet");
    }
    std::this_thread::sleep_for(kAgain);
  }
}

// A leader that moves, or one of a new topic that the metadata know before the broker itself does.
Result<std::int64_t> Cluster::ListOffset(const TopicPartition& partition, std::int64_t spec,
                                         bool committed_only) {
  const SystemClock clock;
  const std::int64_t deadline_us = clock.SteadyUs() + options_.request_timeout_ms * 1000LL;
  for (;;) {
    int error = RD_KAFKA_RESP_ERR_NO_ERROR;
    auto offset = ListOffsetOnce(partition, spec, committed_only, error);
    const bool soon = error == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION ||
                      error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
                      error == RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH ||
                      error == RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH;
    if (!soon || clock.SteadyUs() > deadline_us) return offset;
    std::this_thread::sleep_for(kAgain);
    // The client remembers an old leader epoch until it is told otherwise.
    static_cast<void>(Partitions(partition.topic));
  }
}

Result<std::int64_t> Cluster::ListOffsetOnce(const TopicPartition& partition, std::int64_t spec,
                                             bool committed_only, int& error) {
  const std::string what = "asking for the offsets of " + Name(partition);
  const RdPartitions list = OnePartition(partition);
  list->elems[0].offset = spec;
  const RdQueue queue(rd_kafka_queue_new(client_.get()));
  const AdminOptions options =
      MakeOptions(client_.get(), RD_KAFKA_ADMIN_OP_LISTOFFSETS, options_.request_timeout_ms);
  RdError refused(rd_kafka_AdminOptions_set_isolation_level(
      options.get(), committed_only ? RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED
                                    : RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
  rd_kafka_ListOffsets(client_.get(), list.get(), options.get(), queue.get());
  TOCSIN_ASSIGN(const Event event, Answer(queue.get(), options_.request_timeout_ms, what));
  std::size_t count = 0;
  const rd_kafka_ListOffsetsResultInfo_t** infos =
      rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  if (count != 1) return Fail(Code::kInternal, what + ": the answer names no partition");
  const rd_kafka_topic_partition_t* answer =
      rd_kafka_ListOffsetsResultInfo_topic_partition(infos[0]);
  error = answer->err;
  if (answer->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(KafkaError(answer->err, what));
  }
  return answer->offset;
}

Result<std::int64_t> Cluster::EndOffset(const TopicPartition& partition, End end) {
  return ListOffset(partition, RD_KAFKA_OFFSET_SPEC_LATEST, end == End::kStable);
}

Result<std::int64_t> Cluster::BeginOffset(const TopicPartition& partition) {
  return ListOffset(partition, RD_KAFKA_OFFSET_SPEC_EARLIEST, false);
}

Result<Client*> Cluster::ClientOf(const std::string& group) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Client>& client = group_clients_[group];
  if (client == nullptr) {
    TOCSIN_ASSIGN(client, Client::Make(options_, ClientKind::kConsumer,
                                       {{"group.id", group},
                                        {"enable.auto.commit", "false"},
                                        {"isolation.level", "read_committed"}}));
  }
  return client.get();
}

Result<std::optional<std::int64_t>> Cluster::CommittedOffset(std::string_view group,
                                                             const TopicPartition& partition) {
  const std::string name(group);
  const std::string what = "asking for the offsets of group " + name;
  TOCSIN_ASSIGN(Client* const client, ClientOf(name));
  const SystemClock clock;
  const std::int64_t deadline_us = clock.SteadyUs() + options_.transaction_timeout_ms * 1000LL * 2;
  for (;;) {
    const RdPartitions list = OnePartition(partition);
    int error = rd_kafka_committed(client->get(), list.get(), options_.request_timeout_ms);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = list->elems[0].err;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (list->elems[0].offset < 0) return std::nullopt;
      return list->elems[0].offset;
    }
    const bool soon =
        error == RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT || CoordinatorComesSoon(error);
    if (!soon || clock.SteadyUs() > deadline_us) return std::unexpected(KafkaError(error, what));
    std::this_thread::sleep_for(kAgain);
  }
}

Status Cluster::SetOffsets(const std::string& group,
                           const std::map<TopicPartition, std::int64_t>& offsets) {
  const SystemClock clock;
  const std::int64_t deadline_us = clock.SteadyUs() + options_.transaction_timeout_ms * 1000LL;
  for (;;) {
    int error = RD_KAFKA_RESP_ERR_NO_ERROR;
    Status set = SetOffsetsOnce(group, offsets, error);
    if (set || !CoordinatorComesSoon(error) || clock.SteadyUs() > deadline_us) return set;
    std::this_thread::sleep_for(kAgain);
  }
}

Status Cluster::SetOffsetsOnce(const std::string& group,
                               const std::map<TopicPartition, std::int64_t>& offsets, int& error) {
  const std::string what = "setting the offsets of group " + group;
  const RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [partition, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = offset;
  }
  const RdQueue queue(rd_kafka_queue_new(client_.get()));
  const AdminOptions options = MakeOptions(
      client_.get(), RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, options_.request_timeout_ms);
  rd_kafka_AlterConsumerGroupOffsets_t* request =
      rd_kafka_AlterConsumerGroupOffsets_new(group.c_str(), list.get());
  rd_kafka_AlterConsumerGroupOffsets(client_.get(), &request, 1, options.get(), queue.get());
  rd_kafka_AlterConsumerGroupOffsets_destroy(request);
  const Event event(rd_kafka_queue_poll(queue.get(), options_.request_timeout_ms + 1000));
  error = event == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event.get());
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return std::unexpected(KafkaError(error, what));
  std::size_t count = 0;
  const rd_kafka_group_result_t** groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (const rd_kafka_error_t* failure = rd_kafka_group_result_error(groups[i])) {
      error = rd_kafka_error_code(failure);
      return std::unexpected(KafkaError(*failure, what));
    }
    const rd_kafka_topic_partition_list_t* set = rd_kafka_group_result_partitions(groups[i]);
    for (int j = 0; set != nullptr && j < set->cnt; ++j) {
      if (set->elems[j].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        error = set->elems[j].err;
        return std::unexpected(KafkaError(error, what));
      }
    }
  }
  return {};
}

Result<GroupDescription> Cluster::Describe(const std::string& group, int timeout_ms) {
  const rd_kafka_group_list* asked = nullptr;
  const rd_kafka_resp_err_t failed =
      rd_kafka_list_groups(client_.get(), group.c_str(), &asked, timeout_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return std::unexpected(KafkaError(failed, "asking for the members of group " + group));
  }
  const GroupList list(asked);
  GroupDescription description;
  for (const rd_kafka_group_info& info :
       std::span(list->groups, static_cast<std::size_t>(list->group_cnt))) {
    description.stable = std::string_view(info.state) == "Stable";
    for (const rd_kafka_group_member_info& member :
         std::span(info.members, static_cast<std::size_t>(info.member_cnt))) {
      TOCSIN_ASSIGN(auto partitions,
                    ParseMemberAssignment(
                        {static_cast<const std::uint8_t*>(member.member_assignment),
                         static_cast<std::size_t>(std::max(member.member_assignment_size, 0))}));
      description.members.push_back({member.member_id, std::move(partitions)});
    }
  }
  return description;
}

std::string Cluster::Id() {
  char* id = rd_kafka_clusterid(client_.get(), options_.request_timeout_ms);
  if (id == nullptr) return {};
  std::string name(id);
  rd_kafka_mem_free(client_.get(), id);
  return name;
}

}  // namespace tocsin
