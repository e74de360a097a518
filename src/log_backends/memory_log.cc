#include "log_backends/memory_log.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "log/direct_consumer.h"

namespace tocsin {
namespace {

using StoreKey = std::pair<std::string, std::int32_t>;
using BatchPtr = std::shared_ptr<const RecordBatch>;

struct Partition {
  std::deque<BatchPtr> batches;
  std::int64_t earliest = 0;
  std::int64_t latest = 0;
  std::int64_t bytes = 0;
};

struct Topic {
  TopicConfig config;
  std::vector<Partition> partitions;
};

struct State {
  std::map<std::string, std::string, std::less<>> entries;
  StateSize size;
};

// What one transaction does to a store. A value is empty for a deletion.
struct StateChange {
  bool replace = false;
  std::map<std::string, std::string, std::less<>> puts;
};

struct PendingAppend {
  TopicPartition partition;
  std::string payload;  // padded
  std::uint32_t count = 0;
};

struct PendingTransaction {
  std::vector<PendingAppend> appends;
  std::map<std::pair<std::string, TopicPartition>, std::int64_t> offsets;
  std::map<StoreKey, StateChange> state;
};

std::unexpected<Error> UnknownPartition(const TopicPartition& partition) {
  return Fail(Code::kNotFound, "partition " + partition.topic + "/" +
                                   std::to_string(partition.partition) + " does not exist");
}

class MemoryLogImpl final : public MemoryLog {
 public:
  explicit MemoryLogImpl(const Clock& clock) : clock_(clock) {}

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override;
  Result<std::vector<TopicInfo>> Topics() override;
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override;
  Result<std::vector<BatchPtr>> Fetch(const TopicPartition& partition, std::int64_t offset,
                                      std::size_t max_bytes) override;
  std::uint64_t AppendCount() override;
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override;
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override;
  Status RegisterGroup(std::string_view group, const std::string& topic) override;
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override;
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override;
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override;
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override;

  void FailCommits(int count, Code code) override;
  void FailFetches(int count, Code code) override;
  void FailOffsets(int count, Code code) override;
  void RemoveBefore(const TopicPartition& partition, std::int64_t offset) override;

  bool HasPartition(const TopicPartition& partition);
  Result<std::vector<AppendedRange>> Apply(PendingTransaction& pending);

 private:
  struct Fault {
    int left = 0;
    Code code = Code::kUnavailable;
  };

  Partition* Find(const TopicPartition& partition);
  AppendedRange ApplyAppend(PendingAppend append, std::int64_t now_ms);
  void ApplyState(const StoreKey& key, StateChange change);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable_any appended_;
  std::uint64_t append_count_ = 0;
  std::map<std::string, Topic> topics_;
  std::map<std::pair<std::string, TopicPartition>, std::int64_t> offsets_;
  std::set<std::pair<std::string, std::string>> groups_;
  std::map<StoreKey, State> states_;
  Fault commit_fault_;
  Fault fetch_fault_;
  Fault offsets_fault_;
};

class MemoryTransaction final : public Transaction {
 public:
  explicit MemoryTransaction(MemoryLogImpl& log) : log_(log) {}

  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override {
    if (!log_.HasPartition(partition)) return UnknownPartition(partition);
    if (batch.payload_bytes() > kMaxPayloadBytes) {
      return Fail(Code::kInvalidArgument, "a batch of " + std::to_string(batch.payload_bytes()) +
                                              " bytes is above the limit of 64 MiB; split it");
    }
    if (batch.empty()) return {};
    auto [payload, count] = batch.Take();
    payload.append(kRecordPadding, '\0');
    pending_.appends.push_back({partition, std::move(payload), count});
    return {};
  }

  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    pending_.offsets[{std::string(group), partition}] = next_offset;
  }

  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    pending_.state[{std::string(store), partition}].puts.insert_or_assign(std::string(key),
                                                                          std::string(value));
  }

  void ReplaceState(std::string_view store, std::int32_t partition) override {
    pending_.state[{std::string(store), partition}].replace = true;
  }

  Result<std::vector<AppendedRange>> Commit() override {
    if (committed_) {
      return Fail(Code::kFailedPrecondition,
                  "this transaction was committed before; begin another");
    }
    auto ranges = log_.Apply(pending_);
    committed_ = ranges.has_value();
    return ranges;
  }

 private:
  MemoryLogImpl& log_;
  PendingTransaction pending_;
  bool committed_ = false;
};

Partition* MemoryLogImpl::Find(const TopicPartition& partition) {
  const auto topic = topics_.find(partition.topic);
  if (topic == topics_.end() || partition.partition < 0 ||
      partition.partition >= topic->second.config.partitions) {
    return nullptr;
  }
  return &topic->second.partitions[static_cast<std::size_t>(partition.partition)];
}

bool MemoryLogImpl::HasPartition(const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  return Find(partition) != nullptr;
}

Status MemoryLogImpl::EnsureTopic(const std::string& topic, const TopicConfig& config) {
  TOCSIN_TRY(CheckTopic(topic, config));
  const std::lock_guard lock(mutex_);
  const auto [found, made] = topics_.try_emplace(topic);
  if (made) {
    found->second.partitions.resize(static_cast<std::size_t>(config.partitions));
  } else if (found->second.config.partitions != config.partitions) {
    return Fail(Code::kFailedPrecondition,
                "topic " + topic + " has " + std::to_string(found->second.config.partitions) +
                    " partitions, not " + std::to_string(config.partitions) +
                    "; the number cannot change");
  }
  found->second.config = config;
  return {};
}

Result<std::vector<TopicInfo>> MemoryLogImpl::Topics() {
  const std::lock_guard lock(mutex_);
  std::vector<TopicInfo> topics;
  for (const auto& [name, topic] : topics_) topics.push_back({name, topic.config.partitions});
  return topics;
}

Result<PartitionOffsets> MemoryLogImpl::Offsets(const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  if (offsets_fault_.left > 0) {
    --offsets_fault_.left;
    return Fail(offsets_fault_.code,
                "the offsets of " + partition.topic + " failed by a fault switch");
  }
  const Partition* found = Find(partition);
  if (found == nullptr) return UnknownPartition(partition);
  return PartitionOffsets{found->earliest, found->latest, found->bytes};
}

Result<std::vector<BatchPtr>> MemoryLogImpl::Fetch(const TopicPartition& partition,
                                                   std::int64_t offset, std::size_t max_bytes) {
  const std::lock_guard lock(mutex_);
  if (fetch_fault_.left > 0) {
    --fetch_fault_.left;
    return Fail(fetch_fault_.code, "fetch of " + partition.topic + " failed by a fault switch");
  }
  const Partition* found = Find(partition);
  if (found == nullptr) return UnknownPartition(partition);
  if (offset < found->earliest || offset > found->latest) {
    return Fail(Code::kInvalidArgument,
                "offset " + std::to_string(offset) + " of " + partition.topic + "/" +
                    std::to_string(partition.partition) + " is outside " +
                    std::to_string(found->earliest) + " to " + std::to_string(found->latest));
  }
  auto at = std::partition_point(found->batches.begin(), found->batches.end(),
                                 [&](const BatchPtr& b) { return b->end_offset() <= offset; });
  std::vector<BatchPtr> batches;
  std::size_t bytes = 0;
  while (at != found->batches.end() && (batches.empty() || bytes < max_bytes)) {
    bytes += (*at)->payload_bytes();
    batches.push_back(*at++);
  }
  return batches;
}

std::uint64_t MemoryLogImpl::AppendCount() {
  const std::lock_guard lock(mutex_);
  return append_count_;
}

std::uint64_t MemoryLogImpl::WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                                           std::stop_token stop) {
  constexpr std::int64_t kLongest = 365LL * 24 * 3600 * 1'000'000;  // more overflows the deadline
  std::unique_lock lock(mutex_);
  appended_.wait_for(lock, stop, std::chrono::microseconds(std::min(timeout_us, kLongest)),
                     [&] { return append_count_ != seen; });
  return append_count_;
}

Result<std::optional<std::int64_t>> MemoryLogImpl::CommittedOffset(
    std::string_view group, const TopicPartition& partition) {
  const std::lock_guard lock(mutex_);
  const auto found = offsets_.find({std::string(group), partition});
  if (found == offsets_.end()) return std::nullopt;
  return found->second;
}

Status MemoryLogImpl::RegisterGroup(std::string_view group, const std::string& topic) {
  const std::lock_guard lock(mutex_);
  if (!topics_.contains(topic)) return Fail(Code::kNotFound, "topic " + topic + " does not exist");
  groups_.emplace(group, topic);
  return {};
}

Status MemoryLogImpl::ReadState(
    std::string_view store, std::int32_t partition,
    const std::function<void(std::string_view, std::string_view)>& visit) {
  State copy;  // so that `visit` may call the log
  {
    const std::lock_guard lock(mutex_);
    const auto found = states_.find({std::string(store), partition});
    if (found != states_.end()) copy = found->second;
  }
  for (const auto& [key, value] : copy.entries) visit(key, value);
  return {};
}

Result<StateSize> MemoryLogImpl::SizeOfState(std::string_view store, std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find({std::string(store), partition});
  return found == states_.end() ? StateSize{} : found->second.size;
}

Result<std::unique_ptr<Transaction>> MemoryLogImpl::Begin(TransactionOptions /*options*/) {
  return std::make_unique<MemoryTransaction>(*this);
}

Result<std::unique_ptr<Consumer>> MemoryLogImpl::Subscribe(const ConsumerOptions& options) {
  return MakeDirectConsumer(*this, options);
}

void MemoryLogImpl::FailCommits(int count, Code code) {
  const std::lock_guard lock(mutex_);
  commit_fault_ = {count, code};
}

void MemoryLogImpl::FailFetches(int count, Code code) {
  const std::lock_guard lock(mutex_);
  fetch_fault_ = {count, code};
}

void MemoryLogImpl::FailOffsets(int count, Code code) {
  const std::lock_guard lock(mutex_);
  offsets_fault_ = {count, code};
}

void MemoryLogImpl::RemoveBefore(const TopicPartition& partition, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  Partition* found = Find(partition);
  if (found == nullptr) return;
  while (!found->batches.empty() && found->batches.front()->end_offset() <= offset) {
    found->bytes -= static_cast<std::int64_t>(found->batches.front()->payload_bytes());
    found->earliest = found->batches.front()->end_offset();
    found->batches.pop_front();
  }
}

AppendedRange MemoryLogImpl::ApplyAppend(PendingAppend append, std::int64_t now_ms) {
  Partition& partition = *Find(append.partition);
  const auto batch = std::make_shared<const RecordBatch>(std::move(append.payload), append.count,
                                                         partition.latest, now_ms);
  partition.latest = batch->end_offset();
  partition.bytes += static_cast<std::int64_t>(batch->payload_bytes());
  partition.batches.push_back(batch);
  return {std::move(append.partition), batch->base_offset(), batch->count()};
}

void MemoryLogImpl::ApplyState(const StoreKey& key, StateChange change) {
  State& state = states_[key];
  if (change.replace) state = State();
  std::uint64_t bytes = 0;
  for (auto& [entry, value] : change.puts) {
    bytes += entry.size() + value.size();
    if (value.empty()) {
      state.entries.erase(entry);
    } else {
      state.entries.insert_or_assign(entry, std::move(value));
    }
  }
  (change.replace ? state.size.snapshot_bytes : state.size.delta_bytes) += bytes;
}

Result<std::vector<AppendedRange>> MemoryLogImpl::Apply(PendingTransaction& pending) {
  const std::lock_guard lock(mutex_);
  if (commit_fault_.left > 0) {
    --commit_fault_.left;
    return Fail(commit_fault_.code, "commit failed by a fault switch");
  }
  std::vector<AppendedRange> ranges;
  const std::int64_t now_ms = clock_.WallUs() / 1000;
  for (PendingAppend& append : pending.appends) {
    ranges.push_back(ApplyAppend(std::move(append), now_ms));
  }
  for (const auto& [key, offset] : pending.offsets) offsets_[key] = offset;
  for (auto& [key, change] : pending.state) ApplyState(key, std::move(change));
  if (!ranges.empty()) {
    ++append_count_;
    appended_.notify_all();
  }
  return ranges;
}

}  // namespace

std::unique_ptr<MemoryLog> MemoryLog::Make(const Clock& clock) {
  return std::make_unique<MemoryLogImpl>(clock);
}

}  // namespace tocsin
