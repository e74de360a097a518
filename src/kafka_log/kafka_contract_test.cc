#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "kafka_log/kafka_log.h"
#include "log_backends/log_contract.h"

// The contract of the log on a real broker. TOCSIN_TEST_KAFKA names it (host:port); without it no
// test is made, and tests/e2e says loudly that Kafka was left out.
namespace tocsin {
namespace {

// Gives every test names of its own on the shared broker, and waits after a commit until readers
// can see it, so that what follows does not depend on the speed of the broker.
class OwnNames final : public Log {
 public:
  OwnNames(std::unique_ptr<Log> log, std::string prefix)
      : log_(std::move(log)), prefix_(std::move(prefix)) {}

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override {
    TOCSIN_TRY(CheckTopic(topic, config));
    return log_->EnsureTopic(prefix_ + topic, config);
  }
  Result<std::vector<TopicInfo>> Topics() override {
    TOCSIN_ASSIGN(const auto all, log_->Topics());
    std::vector<TopicInfo> own;
    for (const TopicInfo& topic : all) {
      if (topic.name.starts_with(prefix_)) {
        own.push_back({topic.name.substr(prefix_.size()), topic.partitions});
      }
    }
    return own;
  }
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override {
    return log_->Offsets(Named(partition));
  }
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override {
    return log_->Fetch(Named(partition), offset, max_bytes);
  }
  std::uint64_t AppendCount() override { return log_->AppendCount(); }
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override {
    return log_->WaitForAppend(seen, timeout_us, std::move(stop));
  }
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override {
    return log_->CommittedOffset(Named(group), Named(partition));
  }
  Status RegisterGroup(std::string_view group, const std::string& topic) override {
    return log_->RegisterGroup(Named(group), prefix_ + topic);
  }
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override {
    return log_->ReadState(Named(store), partition, visit);
  }
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override {
    return log_->SizeOfState(Named(store), partition);
  }
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override;
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override;

  TopicPartition Named(const TopicPartition& partition) const {
    return {prefix_ + partition.topic, partition.partition};
  }
  std::string Named(std::string_view name) const { return prefix_ + std::string(name); }
  TopicPartition Own(const TopicPartition& partition) const {
    return {partition.topic.substr(prefix_.size()), partition.partition};
  }
  void WaitUntilReadable(const AppendedRange& range) {
    while (log_->Offsets(range.partition).value().latest <= range.base_offset) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

 private:
  std::unique_ptr<Log> log_;
  const std::string prefix_;
};

class OwnTransaction final : public Transaction {
 public:
  OwnTransaction(OwnNames& log, std::unique_ptr<Transaction> transaction)
      : log_(log), transaction_(std::move(transaction)) {}
  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override {
    return transaction_->Append(log_.Named(partition), batch);
  }
  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    transaction_->CommitOffset(log_.Named(group), log_.Named(partition), next_offset);
  }
  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    transaction_->PutState(log_.Named(store), partition, key, value);
  }
  void ReplaceState(std::string_view store, std::int32_t partition) override {
    transaction_->ReplaceState(log_.Named(store), partition);
  }
  Result<std::vector<AppendedRange>> Commit() override {
    TOCSIN_ASSIGN(auto ranges, transaction_->Commit());
    for (AppendedRange& range : ranges) {
      log_.WaitUntilReadable(range);
      range.partition = log_.Own(range.partition);
    }
    return ranges;
  }

 private:
  OwnNames& log_;
  std::unique_ptr<Transaction> transaction_;
};

class OwnConsumer final : public Consumer {
 public:
  OwnConsumer(const OwnNames& log, std::unique_ptr<Consumer> consumer)
      : log_(log), consumer_(std::move(consumer)) {}
  Result<PollResult> Poll(std::size_t max_records, std::int64_t timeout_us,
                          std::stop_token stop) override {
    TOCSIN_ASSIGN(PollResult result, consumer_->Poll(max_records, timeout_us, std::move(stop)));
    for (PolledBatch& batch : result.batches) batch.partition = log_.Own(batch.partition);
    return result;
  }
  Result<std::int64_t> Lag() override { return consumer_->Lag(); }
  Status Rewind() override { return consumer_->Rewind(); }

 private:
  const OwnNames& log_;
  std::unique_ptr<Consumer> consumer_;
};

Result<std::unique_ptr<Transaction>> OwnNames::Begin(TransactionOptions options) {
  TOCSIN_ASSIGN(auto transaction, log_->Begin(options));
  return std::make_unique<OwnTransaction>(*this, std::move(transaction));
}

Result<std::unique_ptr<Consumer>> OwnNames::Subscribe(const ConsumerOptions& options) {
  TOCSIN_ASSIGN(auto consumer, log_->Subscribe({.group = Named(options.group),
                                                .topic = prefix_ + options.topic,
                                                .from_latest = options.from_latest}));
  return std::make_unique<OwnConsumer>(*this, std::move(consumer));
}

class KafkaHarness final : public LogHarness {
 public:
  KafkaHarness(std::string brokers, bool with_copy) {
    const auto unique = std::to_string(SystemClock().WallUs());
    options_.brokers = std::move(brokers);
    options_.app_id = "contract";
    options_.instance_id = "test-" + unique;
    options_.connect_timeout_us = 20'000'000;
    prefix_ = "c" + unique + ".";
    if (with_copy) {
      std::string name = std::filesystem::temp_directory_path() / "tocsin_kafka_XXXXXX";
      if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
      options_.state_directory = name;
    }
    Reopen();
  }
  ~KafkaHarness() override {
    log_.reset();
    if (!options_.state_directory.empty()) std::filesystem::remove_all(options_.state_directory);
  }
  Log& log() override { return *log_; }
  void Reopen() override {
    log_.reset();
    auto opened = KafkaLog::Open(options_, clock, {});
    if (!opened) throw std::runtime_error(opened.error().message());
    log_ = std::make_unique<OwnNames>(std::move(*opened), prefix_);
  }
  bool on_one_machine() const override { return false; }

 private:
  KafkaOptions options_;
  std::string prefix_;
  std::unique_ptr<OwnNames> log_;
};

}  // namespace

std::vector<ContractBackend> ContractBackends() {
  const char* const brokers = std::getenv("TOCSIN_TEST_KAFKA");
  if (brokers == nullptr) return {};
  return {{"Kafka", [=] { return std::make_unique<KafkaHarness>(brokers, false); }},
          {"KafkaWithCopy", [=] { return std::make_unique<KafkaHarness>(brokers, true); }}};
}

}  // namespace tocsin
