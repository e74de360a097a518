#include "log_backends/embedded_log.h"

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>

#include "base/bytes.h"
#include "log/direct_consumer.h"
#include "log_backends/embedded_reader.h"
#include "log_backends/embedded_repair.h"
#include "log_backends/embedded_retention.h"
#include "log_backends/embedded_transaction.h"
#include "log_backends/embedded_writer.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

class EmbeddedLogImpl final : public EmbeddedLog {
 public:
  EmbeddedLogImpl(const EmbeddedLogOptions& options, const Clock& clock)
      : core_(options, clock), writer_(core_), retention_(core_, writer_) {}

  Status Start(std::unique_ptr<RocksStore> store, EmbeddedCatalog catalog);

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override;
  Result<std::vector<TopicInfo>> Topics() override;
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override;
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override {
    return FetchBatches(core_, partition, offset, max_bytes);
  }
  std::uint64_t AppendCount() override;
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override;
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override;
  Status RegisterGroup(std::string_view group, const std::string& topic) override;
  Status ReadState(
      std::string_view store, std::int32_t partition,
      const std::function<void(std::string_view key, std::string_view value)>& visit) override;
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override;
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override {
    return MakeEmbeddedTransaction(core_, writer_, retention_, options);
  }
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override {
    return MakeDirectConsumer(*this, options);
  }

  Result<VerifyReport> Verify(
      const std::function<void(std::uint64_t, std::uint64_t)>& progress) override;
  Status EnforceRetention() override { return retention_.Enforce(); }
  Statistics statistics() const override;
  std::vector<std::pair<std::string, std::int32_t>> States() const override;

 private:
  Status MakeTopic(const std::string& topic, const TopicConfig& config);

  mutable EmbeddedCore core_;
  EmbeddedWriter writer_;
  EmbeddedRetention retention_;
};

Status EmbeddedLogImpl::Start(std::unique_ptr<RocksStore> store, EmbeddedCatalog catalog) {
  core_.store = std::move(store);
  core_.catalog = std::move(catalog);
  if (!core_.catalog.formatted) {
    rocksdb::WriteBatch batch;
    std::string version;
    PutFixed(version, format::kVersion);
    static_cast<void>(batch.Put(core_.store->meta(), std::string(format::kFormatKey), version));
    const auto exclusive = writer_.Exclude();
    TOCSIN_TRY(writer_.Write(batch));
    core_.catalog.formatted = true;
  }
  return retention_.Enforce();
}

Status EmbeddedLogImpl::EnsureTopic(const std::string& topic, const TopicConfig& config) {
  TOCSIN_TRY(CheckTopic(topic, config));
  const auto exclusive = writer_.Exclude();
  EmbeddedTopic* const known = core_.catalog.FindTopic(topic);
  if (known == nullptr) return MakeTopic(topic, config);
  if (known->config.partitions != config.partitions) {
    return Fail(Code::kFailedPrecondition,
                "topic " + topic + " has " + std::to_string(known->config.partitions) +
                    " partitions, not " + std::to_string(config.partitions) +
                    "; set that number, or use another --data-dir");
  }
  if (known->config.retention_bytes == config.retention_bytes &&
      known->config.retention_ms == config.retention_ms) {
    return {};
  }
  rocksdb::WriteBatch batch;
  static_cast<void>(
      batch.Put(core_.store->meta(), format::TopicKey(topic), format::TopicValue(config)));
  TOCSIN_TRY(writer_.Write(batch));
  const std::lock_guard lock(core_.mutex);
  known->config = config;
  known->next_check_us = 0;
  return {};
}

Status EmbeddedLogImpl::MakeTopic(const std::string& topic, const TopicConfig& config) {
  TOCSIN_TRY(core_.store->MakeFamilies(topic, config.partitions));
  rocksdb::WriteBatch batch;
  static_cast<void>(
      batch.Put(core_.store->meta(), format::TopicKey(topic), format::TopicValue(config)));
  TOCSIN_TRY(writer_.Write(batch));
  const std::lock_guard lock(core_.mutex);
  core_.catalog.Add(*core_.store, topic, config);
  return {};
}

Result<std::vector<TopicInfo>> EmbeddedLogImpl::Topics() {
  const std::lock_guard lock(core_.mutex);
  std::vector<TopicInfo> topics;
  for (const auto& [name, topic] : core_.catalog.topics) {
    topics.push_back({name, topic.config.partitions});
  }
  return topics;
}

Result<PartitionOffsets> EmbeddedLogImpl::Offsets(const TopicPartition& partition) {
  const std::lock_guard lock(core_.mutex);
  TOCSIN_ASSIGN(const EmbeddedPartition* found, core_.catalog.Get(partition));
  return PartitionOffsets{found->start.offset, found->ReadableEnd(),
                          static_cast<std::int64_t>(found->bytes())};
}

std::uint64_t EmbeddedLogImpl::AppendCount() {
  const std::lock_guard lock(core_.mutex);
  return core_.append_count;
}

std::uint64_t EmbeddedLogImpl::WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                                             std::stop_token stop) {
  constexpr std::int64_t kLongest = 365LL * 24 * 3600 * 1'000'000;  // more overflows the deadline
  std::unique_lock lock(core_.mutex);
  core_.appended.wait_for(lock, stop, std::chrono::microseconds(std::min(timeout_us, kLongest)),
                          [&] { return core_.append_count != seen; });
  return core_.append_count;
}

Result<std::optional<std::int64_t>> EmbeddedLogImpl::CommittedOffset(
    std::string_view group, const TopicPartition& partition) {
  const std::lock_guard lock(core_.mutex);
  const auto found = core_.catalog.offsets.find({std::string(group), partition});
  if (found == core_.catalog.offsets.end()) return std::nullopt;
  return found->second;
}

Status EmbeddedLogImpl::RegisterGroup(std::string_view group, const std::string& topic) {
  const auto exclusive = writer_.Exclude();
  EmbeddedTopic* const known = core_.catalog.FindTopic(topic);
  if (known == nullptr) return Fail(Code::kNotFound, "topic " + topic + " does not exist");
  if (known->groups.contains(group)) return {};
  rocksdb::WriteBatch batch;
  static_cast<void>(batch.Put(core_.store->offsets(), format::GroupKey(group, topic), {}));
  TOCSIN_TRY(writer_.Write(batch));
  const std::lock_guard lock(core_.mutex);
  known->groups.emplace(group);
  return {};
}

Status EmbeddedLogImpl::ReadState(
    std::string_view store, std::int32_t partition,
    const std::function<void(std::string_view key, std::string_view value)>& visit) {
  std::unique_ptr<rocksdb::Iterator> it;
  {
    // Not between the write of a transaction and its publication: its offsets are not visible yet.
    const auto exclusive = writer_.Exclude();
    it = core_.store->Iterate(core_.store->state());
  }
  return ReplayState(*it, store, partition, visit);
}

Result<StateSize> EmbeddedLogImpl::SizeOfState(std::string_view store, std::int32_t partition) {
  const std::lock_guard lock(core_.mutex);
  const auto found = core_.catalog.states.find(format::StatePrefix(store, partition));
  return found == core_.catalog.states.end() ? StateSize{} : found->second.size;
}

Result<VerifyReport> EmbeddedLogImpl::Verify(
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  // No commit and no retention meanwhile: what is compared must stand still.
  const auto exclusive = writer_.Exclude();
  VerifyReport report;
  std::uint64_t all = 0;
  for (const auto& [name, topic] : core_.catalog.topics) all += topic.bytes();
  std::uint64_t done = 0;
  const auto advance = [&](std::uint64_t bytes) {
    done += bytes;
    if (progress) progress(done, all);
  };
  for (const auto& [name, topic] : core_.catalog.topics) {
    for (const auto& partition : topic.partitions) {
      PartitionWalk walk = WalkPartition(*core_.store, *partition, partition->start.offset,
                                         WalkDepth::kContents, advance);
      report.batches += walk.batches;
      report.records += walk.records;
      report.bytes += walk.bytes;
      std::vector<OffsetRange> lost = partition->lost;
      lost.insert(lost.end(), walk.missing.begin(), walk.missing.end());
      std::ranges::sort(lost, {}, &OffsetRange::first);
      for (const auto& [first, end] : lost) report.lost.push_back({partition->id, first, end});
      std::ranges::move(walk.problems, std::back_inserter(report.problems));
    }
  }
  for (const auto& [prefix, index] : core_.catalog.states) {
    const auto key =
        format::ParseStateKey(format::StateBlobKey(prefix, 0, format::StateKind::kSnapshot));
    if (!key) continue;
    const auto it = core_.store->Iterate(core_.store->state());
    const Status read =
        ReplayState(*it, key->store, key->partition, [](std::string_view, std::string_view) {});
    if (!read) report.problems.push_back(read.error().message());
  }
  return report;
}

std::vector<std::pair<std::string, std::int32_t>> EmbeddedLogImpl::States() const {
  const std::lock_guard lock(core_.mutex);
  std::vector<std::pair<std::string, std::int32_t>> states;
  for (const auto& [prefix, index] : core_.catalog.states) {
    const auto key =
        format::ParseStateKey(format::StateBlobKey(prefix, 0, format::StateKind::kSnapshot));
    if (key) states.emplace_back(key->store, key->partition);
  }
  std::ranges::sort(states);
  return states;
}

EmbeddedLog::Statistics EmbeddedLogImpl::statistics() const {
  const std::lock_guard lock(core_.mutex);
  Statistics statistics = core_.statistics;
  statistics.memory_bytes = core_.store->MemoryBytes() + core_.cache.bytes();
  return statistics;
}

}  // namespace

Result<std::unique_ptr<EmbeddedLog>> EmbeddedLog::Open(const EmbeddedLogOptions& options,
                                                       const Clock& clock) {
  const auto explain = [&](const Error& cause) -> Error {
    return cause.code() == Code::kDataLoss ? ExplainDamage(options, cause) : cause;
  };
  auto store = RocksStore::Open(options, StoreMode::kNormal);
  if (!store) return std::unexpected(explain(store.error()));
  auto catalog = LoadCatalog(**store);
  if (!catalog) {
    (*store)->Abandon();
    store->reset();
    return std::unexpected(explain(catalog.error()));
  }
  if (Status sound = CheckSound(**store, *catalog, options.directory); !sound) {
    (*store)->Abandon();
    return std::unexpected(std::move(sound).error());
  }
  auto log = std::make_unique<EmbeddedLogImpl>(options, clock);
  TOCSIN_TRY(log->Start(std::move(*store), std::move(*catalog)));
  return log;
}

Result<std::vector<LostRange>> EmbeddedLog::Repair(const EmbeddedLogOptions& options,
                                                   const Clock& /*clock*/) {
  TOCSIN_ASSIGN(const auto store, RocksStore::Open(options, StoreMode::kRepair));
  return RepairStore(*store);
}

}  // namespace tocsin
