#include "kafka_log/kafka_log.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kafka_log/kafka_core.h"
#include "kafka_log/kafka_transaction.h"
#include "log/cluster_wait.h"
#include "log_backends/embedded_log.h"

namespace tocsin {

Result<std::int32_t> KafkaCore::PartitionsOf(const std::string& topic) {
  std::optional<std::int32_t> before;
  {
    const std::lock_guard lock(mutex);
    const auto found = topics.find(topic);
    if (found != topics.end()) {
      if (!found->second.doubted) return found->second.partitions;
      before = found->second.partitions;
    }
  }
  const auto asked = cluster.Partitions(topic);
  if (!asked) {
    if (before && asked.error().retryable()) return *before;
    return std::unexpected(asked.error());
  }
  if (!*asked) return Fail(Code::kNotFound, "topic " + topic + " does not exist");
  const std::lock_guard lock(mutex);
  topics.insert_or_assign(topic, Known{**asked});
  return **asked;
}

void KafkaCore::DoubtPartitions() {
  const std::lock_guard lock(mutex);
  for (auto& [topic, known] : topics) known.doubted = true;
}

namespace {

constexpr std::int64_t kTryUs = 200'000;

// A member of a group, known to the transactions of this process while it lives.
class Member final : public Consumer {
 public:
  Member(std::shared_ptr<KafkaCore> core, std::unique_ptr<GroupConsumer> consumer)
      : core_(std::move(core)), consumer_(std::move(consumer)) {
    const std::lock_guard lock(core_->mutex);
    core_->members.insert_or_assign(consumer_->group(), consumer_.get());
  }
  ~Member() override {
    const std::lock_guard lock(core_->mutex);
    const auto found = core_->members.find(consumer_->group());
    if (found != core_->members.end() && found->second == consumer_.get()) {
      core_->members.erase(found);
    }
  }
  Result<PollResult> Poll(std::size_t max_records, std::int64_t timeout_us,
                          std::stop_token stop) override {
    return consumer_->Poll(max_records, timeout_us, std::move(stop));
  }
  Result<std::int64_t> Lag() override { return consumer_->Lag(); }
  Status Rewind() override { return consumer_->Rewind(); }

 private:
  const std::shared_ptr<KafkaCore> core_;
  const std::unique_ptr<GroupConsumer> consumer_;
};

class KafkaLogImpl final : public KafkaLog {
 public:
  explicit KafkaLogImpl(std::shared_ptr<KafkaCore> core) : core_(std::move(core)) {}

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override;
  Result<std::vector<TopicInfo>> Topics() override { return core_->cluster.Topics(); }
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override;
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override {
    return core_->reader.Fetch(partition, offset, max_bytes);
  }
  std::uint64_t AppendCount() override;
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override;
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override {
    return core_->cluster.CommittedOffset(group, partition);
  }
  Status RegisterGroup(std::string_view /*group*/, const std::string& topic) override {
    TOCSIN_TRY(core_->PartitionsOf(topic));
    return {};
  }
  Status EnsureState(std::string_view store, std::int32_t partitions) override {
    return core_->state.Ensure(store, partitions);
  }
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override {
    return core_->state.Read(store, partition, visit);
  }
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override {
    return core_->state.Size(store, partition);
  }
  Status EndEarlierTransactions(bool ranges) override;
  Result<std::vector<std::pair<std::string, std::int32_t>>> States() override {
    return core_->state.List();
  }
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override {
    return MakeKafkaTransaction(core_, options);
  }
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override {
    TOCSIN_ASSIGN(auto consumer, GroupConsumer::Make(core_->options, core_->cluster, options));
    return std::make_unique<Member>(core_, std::move(consumer));
  }

 private:
  const std::shared_ptr<KafkaCore> core_;
};

Status KafkaLogImpl::EndEarlierTransactions(bool ranges) {
  std::vector<ProducerPool::Loan> loans;  // all at once, so that each has another id
  for (int i = 0; i < ProducerPool::kTurns; ++i) {
    loans.push_back(core_->producers.Take(ranges));
    TOCSIN_TRY(loans.back().Renew());
  }
  return {};
}

Status KafkaLogImpl::EnsureTopic(const std::string& topic, const TopicConfig& config) {
  TOCSIN_TRY(CheckTopic(topic, config));
  TOCSIN_ASSIGN(auto partitions, core_->cluster.Partitions(topic));
  if (!partitions) {
    const std::int64_t bytes =
        config.retention_bytes == 0
            ? -1
            : std::max<std::int64_t>(1, config.retention_bytes / config.partitions);
    const std::int64_t age_ms = config.retention_ms == 0 ? -1 : config.retention_ms;
    TOCSIN_TRY(core_->cluster.Create({.name = topic,
                                      .partitions = config.partitions,
                                      .replication = core_->options.replication,
                                      .config = {{"retention.bytes", std::to_string(bytes)},
                                                 {"retention.ms", std::to_string(age_ms)}}}));
    TOCSIN_ASSIGN(partitions, core_->cluster.Partitions(topic));
  }
  if (partitions.value_or(0) == config.partitions) return {};
  return Fail(Code::kFailedPrecondition,
              "topic " + topic + " has " + std::to_string(partitions.value_or(0)) +
                  " partitions, not " + std::to_string(config.partitions));
}

Result<PartitionOffsets> KafkaLogImpl::Offsets(const TopicPartition& partition) {
  TOCSIN_ASSIGN(const std::int32_t partitions, core_->PartitionsOf(partition.topic));
  if (partition.partition < 0 || partition.partition >= partitions) {
    return Fail(Code::kNotFound, "partition " + partition.topic + "/" +
                                     std::to_string(partition.partition) + " does not exist");
  }
  PartitionOffsets offsets{.bytes = -1};
  TOCSIN_ASSIGN(offsets.earliest, core_->cluster.BeginOffset(partition));
  TOCSIN_ASSIGN(offsets.latest, core_->cluster.EndOffset(partition, Cluster::End::kStable));
  return offsets;
}

std::uint64_t KafkaLogImpl::AppendCount() {
  const std::lock_guard lock(core_->mutex);
  return core_->append_count;
}

std::uint64_t KafkaLogImpl::WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                                          std::stop_token stop) {
  constexpr std::int64_t kLongest = 365LL * 24 * 3600 * 1'000'000;  // more overflows the deadline
  std::unique_lock lock(core_->mutex);
  core_->appended.wait_for(lock, stop, std::chrono::microseconds(std::min(timeout_us, kLongest)),
                           [&] { return core_->append_count != seen; });
  return core_->append_count;
}

Result<std::unique_ptr<Log>> OpenCopy(const KafkaOptions& options, Cluster& cluster,
                                      const Clock& clock) {
  if (options.state_directory.empty()) return std::unique_ptr<Log>();
  EmbeddedLogOptions embedded;
  // One folder for each cluster and application: their changelogs have nothing in common.
  embedded.directory = options.state_directory + "/" + options.app_id + "@" + cluster.Id();
  embedded.disk_reserve_bytes = 0;
  embedded.cache_bytes = 0;
  TOCSIN_ASSIGN(std::unique_ptr<Log> copy, EmbeddedLog::Open(embedded, clock));
  return copy;
}

}  // namespace

Result<std::unique_ptr<KafkaLog>> KafkaLog::Open(const KafkaOptions& options, const Clock& clock,
                                                 std::stop_token stop) {
  TOCSIN_ASSIGN(std::unique_ptr<Client> client,
                Client::Make(options, ClientKind::kConsumer, Reader::ClientSettings()));
  const ClusterWait wait{clock, options.connect_timeout_us, std::move(stop)};
  TOCSIN_TRY(wait.Until([&] { return client->WaitForBroker(kTryUs); }));
  Cluster cluster(options, *client);
  TOCSIN_ASSIGN(std::unique_ptr<Log> copy, OpenCopy(options, cluster, clock));
  return std::make_unique<KafkaLogImpl>(
      std::make_shared<KafkaCore>(options, std::move(client), std::move(copy)));
}

}  // namespace tocsin
