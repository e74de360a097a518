#include "kafka_log/group_consumer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <span>
#include <stop_token>

#include "base/logging.h"
#include "kafka_log/kafka_error.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "kafka";
constexpr int kMaxPollIntervalMs = 300'000;
constexpr std::int64_t kRewindPauseUs = 100'000;
constexpr std::int64_t kStandByUs = 2'000'000;
constexpr std::int64_t kDoubleUs = 60'000'000;
constexpr int kLookMs = 2'000;

Client::Settings SettingsFor(const KafkaOptions& options, const ConsumerOptions& consumer) {
  Client::Settings settings = {
      {"group.id", consumer.group},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.offset.reset", consumer.from_latest ? "latest" : "earliest"},
      {"isolation.level", "read_committed"},
      {"partition.assignment.strategy", "cooperative-sticky"},
      {"session.timeout.ms", std::to_string(options.session_timeout_ms)},
      {"heartbeat.interval.ms", std::to_string(std::max(options.session_timeout_ms / 4, 100))},
      {"max.poll.interval.ms",
       std::to_string(std::max(kMaxPollIntervalMs, options.session_timeout_ms))},
      {"enable.partition.eof", "true"},
      {"check.crcs", "true"},
      // The queue must never run dry: after it was full, the fetcher looks again soon.
      {"fetch.wait.max.ms", "100"},
      {"fetch.queue.backoff.ms", "2"},
      {"queued.min.messages", "30000"},
      {"queued.max.messages.kbytes", "4096"},
      {"fetch.max.bytes", "16777216"},
  };
  // Records that come one by one are fetched a few at a time: a commit makes them wait longer.
  if (!options.at_least_once && !consumer.whole) {
    settings["fetch.min.bytes"] = "65536";
    settings["fetch.wait.max.ms"] = "10";
  }
  // A whole reader that ends makes room at once; a part's comes back to its own place.
  if (!options.instance_id.empty() && !consumer.whole) {
    settings["group.instance.id"] = options.instance_id;
  }
  return settings;
}

std::string Numbers(std::span<const std::int32_t> partitions) {
  std::string text;
  for (const std::int32_t each : partitions) {
    if (!text.empty()) text += ' ';
    text += std::to_string(each);
  }
  return text;
}

std::string Numbers(const rd_kafka_topic_partition_list_t& partitions) {
  std::vector<std::int32_t> numbers;
  for (int i = 0; i < partitions.cnt; ++i) numbers.push_back(partitions.elems[i].partition);
  return Numbers(numbers);
}

struct TextDestroy {
  void operator()(char* text) const { rd_kafka_mem_free(nullptr, text); }
};
using RdText = std::unique_ptr<char, TextDestroy>;

}  // namespace

void GroupMetadataDestroy::operator()(rd_kafka_consumer_group_metadata_s* metadata) const {
  rd_kafka_consumer_group_metadata_destroy(metadata);
}

Result<std::unique_ptr<GroupConsumer>> GroupConsumer::Make(const KafkaOptions& options,
                                                           Cluster& cluster,
                                                           const ConsumerOptions& consumer) {
  TOCSIN_ASSIGN(const auto partitions, cluster.Partitions(consumer.topic));
  if (!partitions) return Fail(Code::kNotFound, "topic " + consumer.topic + " does not exist");
  std::unique_ptr<GroupConsumer> made(new GroupConsumer(options, cluster, consumer, *partitions));
  TOCSIN_TRY(made->Connect());
  return made;
}

Status GroupConsumer::Connect() {
  TOCSIN_ASSIGN(client_,
                Client::Make(options_, ClientKind::kConsumer, SettingsFor(options_, consumer_),
                             {.rebalance = &GroupConsumer::OnRebalance, .context = this}));
  rd_kafka_poll_set_consumer(client_->get());
  queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  standing_by_ = consumer_.whole;
  return standing_by_ ? Status() : Join();
}

Status GroupConsumer::Join() {
  const RdPartitions topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), consumer_.topic.c_str(), RD_KAFKA_PARTITION_UA);
  const rd_kafka_resp_err_t failed = rd_kafka_subscribe(client_->get(), topics.get());
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::unexpected(KafkaError(failed, "joining group " + consumer_.group));
}

// Two that joined at the same time share the partitions for a moment: the one without the first
// leaves again.
void GroupConsumer::LeaveUnlessFirst() {
  if (!consumer_.whole || standing_by_ || !joined_ || owned_.contains(0)) return;
  rd_kafka_unsubscribe(client_->get());
  standing_by_ = true;
  joined_ = false;
  look_again_us_ = clock_.SteadyUs() + kStandByUs;
}

Status GroupConsumer::StandBy(std::int64_t timeout_us) {
  const std::int64_t now_us = clock_.SteadyUs();
  if (now_us >= look_again_us_) {
    TOCSIN_ASSIGN(const GroupDescription group,
                  cluster_.Describe(consumer_.group, options_.request_timeout_ms));
    if (group.members.empty()) {
      standing_by_ = false;
      return Join();
    }
    if (look_again_us_ == 0) {
      LogInfo(kComponent, "another process does this work; standing by",
              {{"group", consumer_.group}});
    }
    look_again_us_ = now_us + kStandByUs;
  }
  // Callbacks of a leave that is under way; nothing else comes.
  for (std::size_t i = Consume(1, std::min(timeout_us, kStandByUs)); i > 0; --i) {
    rd_kafka_message_destroy(messages_[i - 1]);
  }
  return {};
}

// In a rebalance a member gives partitions up and joins again, and only then they go to another. A
// static member that dies in between, and is back before its session ends, is given its old place
// without a rebalance: what it gave up belongs to nobody, and no one is told. So each member looks,
// some time after each rebalance, and the one with the least to lose leaves and comes back: that is
// a rebalance. Once too often does no harm.
Status GroupConsumer::ShareWhatNobodyHolds() {
  const std::int64_t session_us = options_.session_timeout_ms * 1000LL;
  const std::int64_t now_us = clock_.SteadyUs();
  if (look_for_unheld_us_ == 0 || now_us < look_for_unheld_us_) return {};
  const auto group = cluster_.Describe(consumer_.group, kLookMs);
  // While a broker is away each look costs the time that it may take.
  look_for_unheld_us_ = now_us + session_us * (group ? 1 : 6);
  if (!group || !group->stable) return {};
  const std::vector<std::int32_t> unheld = group->Unheld(consumer_.topic, partitions_);
  if (unheld.empty()) {
    look_for_unheld_us_ = 0;
    return {};
  }
  const RdText self(rd_kafka_memberid(client_->get()));
  const GroupDescription::Member* const lightest = group->Lightest();
  if (self == nullptr || lightest == nullptr || lightest->id != self.get()) return {};
  LogWarning(
      kComponent, "partitions belong to no member of the group; leaving and joining anew",
      {{"group", consumer_.group}, {"topic", consumer_.topic}, {"partitions", Numbers(unheld)}});
  joined_ = false;
  rd_kafka_unsubscribe(client_->get());
  return Join();
}

GroupConsumer::~GroupConsumer() {
  if (client_ == nullptr) return;
  GiveUpRevoked();
  closing_ = true;
  queue_.reset();
  // Callbacks come once more; they find this object alive.
  rd_kafka_consumer_close(client_->get());
}

void GroupConsumer::OnRebalance(int event, rd_kafka_topic_partition_list_s& partitions,
                                void* self) {
  GroupConsumer& consumer = *static_cast<GroupConsumer*>(self);
  if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    consumer.Assign(partitions);
  } else if (event == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
    consumer.Revoke(partitions);
  } else {
    rd_kafka_assign(consumer.client_->get(), nullptr);
    consumer.failed_ =
        std::unexpected(KafkaError(event, "sharing the partitions of " + consumer.consumer_.topic));
  }
}

void GroupConsumer::Assign(const rd_kafka_topic_partition_list_s& partitions) {
  joined_ = true;
  if (!consumer_.whole) {
    look_for_unheld_us_ = clock_.SteadyUs() + options_.session_timeout_ms * 1000LL;
  }
  LogInfo(kComponent, "partitions assigned",
          {{"group", consumer_.group},
           {"topic", consumer_.topic},
           {"partitions", Numbers(partitions)}});
  if (consumer_.from_latest && partitions.cnt > 0) {
    Status started = StartAtEnd(partitions);
    if (!started) failed_ = std::move(started);
  }
  const RdError failed(rd_kafka_incremental_assign(client_->get(), &partitions));
  if (failed != nullptr) {
    failed_ = std::unexpected(KafkaError(*failed, "taking over partitions"));
    return;
  }
  for (int i = 0; i < partitions.cnt; ++i) {
    owned_.insert_or_assign(partitions.elems[i].partition, Owned());
    assigned_.push_back(partitions.elems[i].partition);
  }
}

void GroupConsumer::Revoke(const rd_kafka_topic_partition_list_s& partitions) {
  last_owned_ = nullptr;
  const bool lost = rd_kafka_assignment_lost(client_->get()) != 0;
  LogInfo(kComponent, lost ? "partitions lost" : "partitions given up",
          {{"group", consumer_.group},
           {"topic", consumer_.topic},
           {"partitions", Numbers(partitions)}});
  for (int i = 0; i < partitions.cnt; ++i) {
    const std::int32_t number = partitions.elems[i].partition;
    revoked_.push_back(number);
    std::erase(assigned_, number);
    owned_.erase(number);
    std::erase(touched_, number);
  }
  if (to_give_up_ == nullptr) {
    to_give_up_.reset(rd_kafka_topic_partition_list_copy(&partitions));
  } else {
    for (int i = 0; i < partitions.cnt; ++i) {
      rd_kafka_topic_partition_list_add(to_give_up_.get(), partitions.elems[i].topic,
                                        partitions.elems[i].partition);
    }
  }
  // Nothing of a lost partition can be committed any more.
  if (lost || closing_) GiveUpRevoked();
}

void GroupConsumer::GiveUpRevoked() {
  if (to_give_up_ == nullptr) return;
  const RdError failed(rd_kafka_incremental_unassign(client_->get(), to_give_up_.get()));
  to_give_up_.reset();
  if (failed != nullptr && CheckFatal()) {
    LogWarning(kComponent, "giving up partitions failed",
               {{"group", consumer_.group}, {"error", rd_kafka_error_string(failed.get())}});
  }
}

// A group that begins at the end begins there once: what comes while it is away is not skipped.
Status GroupConsumer::StartAtEnd(const rd_kafka_topic_partition_list_s& partitions) {
  std::map<TopicPartition, std::int64_t> offsets;
  for (int i = 0; i < partitions.cnt; ++i) {
    const TopicPartition partition{consumer_.topic, partitions.elems[i].partition};
    TOCSIN_ASSIGN(const auto committed, cluster_.CommittedOffset(consumer_.group, partition));
    if (committed) continue;
    TOCSIN_ASSIGN(offsets[partition], cluster_.EndOffset(partition, Cluster::End::kStable));
  }
  return offsets.empty() ? Status() : Commit(offsets);
}

Status GroupConsumer::Commit(const std::map<TopicPartition, std::int64_t>& offsets) {
  const RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
  for (const auto& [partition, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
        ->offset = offset;
  }
  const rd_kafka_resp_err_t failed = rd_kafka_commit(client_->get(), list.get(), 0);
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return std::unexpected(KafkaError(failed, "committing offsets of group " + consumer_.group));
}

Status GroupConsumer::CheckFatal() const {
  char reason[256];
  const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(client_->get(), reason, sizeof reason);
  if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    return Fail(Code::kFailedPrecondition,
                "another process has joined group " + consumer_.group + " as instance " +
                    options_.instance_id +
                    "; give each its own KAFKA_INSTANCE_ID or its own data directory");
  }
  return Fail(Code::kInternal,
              "the membership in group " + consumer_.group + " ended: " + std::string(reason));
}

// A membership can end without another process: a broker that went down in the middle of a join
// takes the repeated request for that of a double. So it is taken up anew; what ends it a third
// time within a minute, each time with all connections whole, is a real double. (Two of them end
// each other's membership until then, each time fenced.)
Status GroupConsumer::Recover() {
  Status fatal = CheckFatal();
  if (fatal) return {};
  if (!client_->lost_connections()) {
    const std::int64_t now_us = clock_.SteadyUs();
    if (recovered_us_[0] != 0 && now_us - recovered_us_[0] < kDoubleUs) return fatal;
    recovered_us_ = {recovered_us_[1], now_us};
  }
  LogWarning(kComponent, "the membership ended; joining anew",
             {{"group", consumer_.group}, {"reason", fatal.error().message()}});
  for (const auto& [number, owned] : owned_) revoked_.push_back(number);
  last_owned_ = nullptr;
  owned_.clear();
  assigned_.clear();
  touched_.clear();
  to_give_up_.reset();
  joined_ = false;
  closing_ = true;
  queue_.reset();
  rd_kafka_consumer_close(client_->get());
  closing_ = false;
  client_.reset();
  return Connect();
}

Result<GroupMetadata> GroupConsumer::Metadata() const {
  GroupMetadata metadata(rd_kafka_consumer_group_metadata(client_->get()));
  // The broker does not check a negative generation at all: such a commit would not be fenced.
  if (metadata == nullptr || rd_kafka_consumer_group_metadata_generation_id(metadata.get()) < 0) {
    return Fail(Code::kFenced, "this process has no place in group " + consumer_.group +
                                   " at the moment; nothing can be committed");
  }
  return metadata;
}

Status GroupConsumer::Rewind() {
  rewind_ = true;
  return {};
}

Status GroupConsumer::SeekToCommitted() {
  if (owned_.empty()) return {};
  const RdPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(owned_.size())));
  for (const auto& [number, owned] : owned_) {
    const TopicPartition partition{consumer_.topic, number};
    TOCSIN_ASSIGN(const auto committed, cluster_.CommittedOffset(consumer_.group, partition));
    std::int64_t next = 0;
    if (committed) {
      next = *committed;
    } else {
      TOCSIN_ASSIGN(next, cluster_.BeginOffset(partition));
    }
    rd_kafka_topic_partition_list_add(list.get(), consumer_.topic.c_str(), number)->offset = next;
  }
  const RdError failed(
      rd_kafka_seek_partitions(client_->get(), list.get(), options_.request_timeout_ms));
  if (failed != nullptr) return std::unexpected(KafkaError(*failed, "going back"));
  for (int i = 0; i < list->cnt; ++i) {
    if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return std::unexpected(KafkaError(list->elems[i].err, "going back"));
    }
  }
  return {};
}

std::size_t GroupConsumer::Consume(std::size_t max_records, std::int64_t timeout_us) {
  messages_.resize(std::max<std::size_t>(max_records, 1));
  // A batch call waits until it is full: so wait for the first only, then take what is there.
  const auto timeout_ms =
      static_cast<int>(std::min<std::int64_t>((timeout_us + 999) / 1000, 60'000));
  ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages_.data(), 1);
  if (count > 0 && messages_.size() > 1) {
    count += std::max<ssize_t>(0, rd_kafka_consume_batch_queue(
                                      queue_.get(), 0, messages_.data() + 1, messages_.size() - 1));
  }
  return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
}

void GroupConsumer::Take(const rd_kafka_message_s& message) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
      message.err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    const Code code = CodeOfKafka(message.err);
    // librdkafka goes on by itself after what passes.
    if (code == Code::kUnavailable || code == Code::kFenced) return;
    if (failed_) {
      failed_ = std::unexpected(
          KafkaError(message.err, "reading " + consumer_.topic, rd_kafka_message_errstr(&message)));
    }
    return;
  }
  // Messages of one partition come in runs.
  if (last_owned_ == nullptr || last_partition_ != message.partition) {
    const auto found = owned_.find(message.partition);
    if (found == owned_.end()) return;  // given up in the same poll
    last_owned_ = &found->second;
    last_partition_ = message.partition;
  }
  Owned& owned = *last_owned_;
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
    owned.end_at = message.offset;
    return;
  }
  if ((touched_.empty() || touched_.back() != message.partition) &&
      std::ranges::find(touched_, message.partition) == touched_.end()) {
    touched_.push_back(message.partition);
  }
  owned.batcher.Add(message);
  owned.next = message.offset + 1;
  owned.end_at = -1;
}

Result<PollResult> GroupConsumer::PollRewound() {
  if (Status sought = SeekToCommitted(); !sought) {
    // What comes meanwhile is read again later; callbacks must be served.
    for (std::size_t i = Consume(1'000, kRewindPauseUs); i > 0; --i) {
      rd_kafka_message_destroy(messages_[i - 1]);
    }
    TOCSIN_TRY(Recover());
    return std::unexpected(std::move(sought).error());
  }
  rewind_ = false;
  PollResult result;
  result.revoked = std::exchange(revoked_, {});
  assigned_.clear();
  for (auto& [number, owned] : owned_) {
    result.revoked.push_back(number);
    result.assigned.push_back(number);
    owned = Owned();
  }
  result.joined = joined_;
  return result;
}

// Takes what comes until there are records or news of partitions, the time is over or a stop is
// requested.
Status GroupConsumer::Gather(std::size_t max_records, std::int64_t timeout_us,
                             const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] { rd_kafka_queue_yield(queue_.get()); });
  if (standing_by_) return StandBy(timeout_us);
  const std::int64_t deadline_us = clock_.SteadyUs() + timeout_us;
  // What is no record (the end of a partition, a passing trouble) does not end the wait.
  for (std::int64_t left_us = timeout_us; !stop.stop_requested();
       left_us = deadline_us - clock_.SteadyUs()) {
    const std::size_t count = Consume(max_records, std::max<std::int64_t>(left_us, 0));
    for (std::size_t i = 0; i < count; ++i) {
      const RdMessage message(messages_[i]);
      Take(*message);
    }
    const bool news = !touched_.empty() || !assigned_.empty() || !revoked_.empty() || !failed_;
    if (news || left_us <= 0 || !CheckFatal()) break;
  }
  return {};
}

Result<PollResult> GroupConsumer::Poll(std::size_t max_records, std::int64_t timeout_us,
                                       std::stop_token stop) {
  GiveUpRevoked();
  if (rewind_) return PollRewound();
  TOCSIN_TRY(ShareWhatNobodyHolds());
  TOCSIN_TRY(Gather(max_records, timeout_us, stop));
  PollResult result;
  for (const std::int32_t number : touched_) {
    std::vector<std::shared_ptr<const RecordBatch>> batches;
    owned_.at(number).batcher.Finish(batches);
    for (auto& batch : batches) {
      const std::uint32_t records = batch->count();
      result.batches.push_back({{consumer_.topic, number}, std::move(batch), 0, records});
    }
  }
  touched_.clear();
  if (!CheckFatal()) {
    result.batches.clear();
    TOCSIN_TRY(Recover());
  }
  if (!failed_) {
    rewind_ = true;  // what was taken in this poll is not handed out
    return std::unexpected(std::exchange(failed_, {}).error());
  }
  result.assigned = std::exchange(assigned_, {});
  result.revoked = std::exchange(revoked_, {});
  LeaveUnlessFirst();
  result.joined = joined_;
  return result;
}

Result<std::int64_t> GroupConsumer::Lag() {
  std::int64_t lag = 0;
  for (const auto& [number, owned] : owned_) {
    if (owned.end_at >= 0) continue;
    std::int64_t low = -1;
    std::int64_t high = -1;
    const rd_kafka_resp_err_t failed = rd_kafka_get_watermark_offsets(
        client_->get(), consumer_.topic.c_str(), number, &low, &high);
    // Before the first fetch nothing is known: not caught up, but not countable either.
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) {
      lag += 1;
      continue;
    }
    lag += std::max<std::int64_t>(1, high - std::max({owned.next, low, std::int64_t{0}}));
  }
  return lag;
}

}  // namespace tocsin
