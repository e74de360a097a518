#include "spool/spooling_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "base/logging.h"
#include "base/wait.h"
#include "log/cluster_wait.h"
#include "log/partitioner.h"
#include "spool/spool.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "spool";
constexpr std::string_view kStore = "spool";
constexpr std::int64_t kFirstPauseUs = 50'000;
constexpr std::int64_t kLongestPauseUs = 1'000'000;
constexpr std::int64_t kTellUs = 5'000'000;

using Ranges = std::vector<AppendedRange>;

class SpoolingLogImpl;

class SpoolTransaction final : public Transaction {
 public:
  explicit SpoolTransaction(SpoolingLogImpl& log) : log_(log) {}

  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override;
  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    entry_.offsets[std::string(group)][partition] = next_offset;
  }
  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    entry_.steps.push_back({.store = std::string(store),
                            .partition = partition,
                            .key = std::string(key),
                            .value = std::string(value)});
  }
  void ReplaceState(std::string_view store, std::int32_t partition) override {
    entry_.steps.push_back({.store = std::string(store),
                            .partition = partition,
                            .replace = true,
                            .key = {},
                            .value = {}});
  }
  Result<Ranges> Commit() override;

 private:
  SpoolingLogImpl& log_;
  SpoolEntry entry_;
  bool committed_ = false;
};

// A transaction of the cluster that may have been tried already.
struct Attempt {
  std::uint64_t sequence = 0;
  std::unique_ptr<Transaction> transaction;  // null = not begun
};

class SpoolingLogImpl final : public SpoolingLog {
 public:
  SpoolingLogImpl(std::unique_ptr<Log> cluster, SpoolOptions options, const Clock& clock,
                  std::stop_token stop)
      : options_(std::move(options)),
        slot_(static_cast<std::int32_t>(Murmur2(options_.name) & 0x7fffffff)),
        clock_(clock),
        stop_(std::move(stop)),
        wait_{clock, options_.connect_timeout_us, stop_},
        cluster_(std::move(cluster)) {}

  ~SpoolingLogImpl() override;
  Status Start();

  Status WaitUntilDrained() override;
  std::int64_t spooled_bytes() const override {
    const std::lock_guard lock(mutex_);
    return spool_ == nullptr ? 0 : spool_->bytes();
  }

  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override {
    return cluster_->EnsureTopic(topic, config);
  }
  Result<std::vector<TopicInfo>> Topics() override {
    return wait_.Until([&] { return cluster_->Topics(); });
  }
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override {
    return cluster_->Offsets(partition);
  }
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override {
    return cluster_->Fetch(partition, offset, max_bytes);
  }
  std::uint64_t AppendCount() override { return cluster_->AppendCount(); }
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override {
    return cluster_->WaitForAppend(seen, timeout_us, std::move(stop));
  }
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override {
    return cluster_->CommittedOffset(group, partition);
  }
  Status RegisterGroup(std::string_view group, const std::string& topic) override {
    return cluster_->RegisterGroup(group, topic);
  }
  Status EnsureState(std::string_view store, std::int32_t partitions) override {
    return cluster_->EnsureState(store, partitions);
  }
  // What waits may hold a newer state.
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override {
    TOCSIN_TRY(WaitUntilDrained());
    // Kept until it is whole: a visit must not happen twice.
    std::vector<std::pair<std::string, std::string>> entries;
    TOCSIN_TRY(wait_.Until([&] {
      entries.clear();
      return cluster_->ReadState(
          store, partition,
          [&](std::string_view key, std::string_view value) { entries.emplace_back(key, value); });
    }));
    for (const auto& [key, value] : entries) visit(key, value);
    return {};
  }
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override {
    return cluster_->SizeOfState(store, partition);
  }
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override {
    if (!options.ingest) return cluster_->Begin(options);
    return std::make_unique<SpoolTransaction>(*this);
  }
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override {
    return cluster_->Subscribe(options);
  }

  // To the cluster, or behind those that wait.
  Result<Ranges> Commit(SpoolEntry& entry);

 private:
  Status ReadSequence();
  Status OpenSpool();
  Result<Ranges> Try(const SpoolEntry& entry, Attempt& attempt);
  Result<Ranges> CommitDirectly(SpoolEntry& entry);
  Result<Ranges> PutAside(const SpoolEntry& entry, bool always);
  void Drain(const std::stop_token& stop);
  Status SendFirst(Attempt& attempt);
  void Tell(const Error& error, std::int64_t& told_us) const;

  const SpoolOptions options_;
  const std::int32_t slot_;
  const Clock& clock_;
  const std::stop_token stop_;
  const ClusterWait wait_;
  const std::unique_ptr<Log> cluster_;
  std::mutex commit_mutex_;     // one transaction after the other: the order is the callers'
  std::uint64_t sequence_ = 0;  // the last that was given; under commit_mutex_
  mutable std::mutex mutex_;    // guards the rest
  std::condition_variable_any changed_;
  std::unique_ptr<Spool> spool_;  // null until it is needed; set under commit_mutex_, too
  Attempt handed_over_;           // the attempt of the first that waits
  std::uint64_t on_cluster_ = 0;  // sequence of the last that is there
  std::jthread drainer_;          // last: it ends before what it uses
};

Status SpoolTransaction::Append(const TopicPartition& partition, RecordBatchBuilder& batch) {
  if (batch.empty()) return {};
  auto [payload, count] = batch.Take();
  entry_.appends.push_back({partition, std::move(payload), count});
  return {};
}

Result<Ranges> SpoolTransaction::Commit() {
  if (committed_) {
    return Fail(Code::kFailedPrecondition, "the transaction was committed before");
  }
  Ranges ranges;
  if (!entry_.empty()) {
    TOCSIN_ASSIGN(ranges, log_.Commit(entry_));
  }
  committed_ = true;
  return ranges;
}

Status SpoolingLogImpl::Start() {
  TOCSIN_TRY(ReadSequence());
  sequence_ = on_cluster_;
  std::error_code error;
  if (!std::filesystem::exists(options_.directory, error)) return {};
  TOCSIN_TRY(OpenSpool());
  sequence_ = std::max(sequence_, spool_->last_sequence());
  if (!spool_->empty()) {
    LogInfo(kComponent, "events of an earlier run wait for Kafka",
            {{"bytes", std::to_string(spool_->bytes())}});
  }
  return {};
}

Status SpoolingLogImpl::OpenSpool() {
  TOCSIN_ASSIGN(auto spool, Spool::Open(options_.directory, options_.max_bytes, clock_));
  const std::lock_guard lock(mutex_);
  spool_ = std::move(spool);
  drainer_ = std::jthread([this](const std::stop_token& stop) { Drain(stop); });
  return {};
}

// A folder that is left says that something waits in it.
SpoolingLogImpl::~SpoolingLogImpl() {
  drainer_.request_stop();
  if (drainer_.joinable()) drainer_.join();
  if (spool_ == nullptr || !spool_->empty()) return;
  spool_.reset();
  std::error_code error;
  std::filesystem::remove_all(options_.directory, error);
}

Status SpoolingLogImpl::ReadSequence() {
  const auto take = [&](std::string_view key, std::string_view value) {
    if (key != options_.name) return;
    std::from_chars(value.data(), value.data() + value.size(), on_cluster_);
  };
  return wait_.Until([&] { return cluster_->ReadState(kStore, slot_, take); });
}

// After a retryable error the same attempt goes on: only it knows what became of itself.
Result<Ranges> SpoolingLogImpl::Try(const SpoolEntry& entry, Attempt& attempt) {
  if (attempt.transaction == nullptr || attempt.sequence != entry.sequence) {
    attempt = {};
    TOCSIN_ASSIGN(auto transaction, cluster_->Begin({.ingest = true}));
    TOCSIN_TRY(entry.AddTo(*transaction));
    transaction->PutState(kStore, slot_, options_.name, std::to_string(entry.sequence));
    attempt = {entry.sequence, std::move(transaction)};
  }
  auto ranges = attempt.transaction->Commit();
  if (ranges || !ranges.error().retryable()) attempt = {};
  return ranges;
}

void SpoolingLogImpl::Tell(const Error& error, std::int64_t& told_us) const {
  const std::int64_t now_us = clock_.SteadyUs();
  if (told_us != 0 && now_us - told_us < kTellUs) return;
  told_us = now_us;
  LogWarning(kComponent, "Kafka does not take events",
             {{"reason", error.message()}, {"spooled_bytes", std::to_string(spooled_bytes())}});
}

Result<Ranges> SpoolingLogImpl::Commit(SpoolEntry& entry) {
  const std::lock_guard lock(commit_mutex_);
  entry.sequence = ++sequence_;
  if (spool_ != nullptr && !spool_->empty()) return PutAside(entry, false);
  return CommitDirectly(entry);
}

Result<Ranges> SpoolingLogImpl::CommitDirectly(SpoolEntry& entry) {
  Attempt attempt;
  const std::int64_t give_up_us = clock_.SteadyUs() + options_.patience_us;
  std::int64_t told_us = 0;
  for (std::int64_t pause_us = kFirstPauseUs;; pause_us = std::min(pause_us * 2, kLongestPauseUs)) {
    auto ranges = Try(entry, attempt);
    if (ranges) {
      const std::lock_guard lock(mutex_);
      on_cluster_ = entry.sequence;
      return ranges;
    }
    if (ranges.error().code() != Code::kUnavailable) return ranges;
    if (options_.max_bytes > 0 && clock_.SteadyUs() >= give_up_us) {
      LogWarning(kComponent, "Kafka does not answer; events are kept on this machine's disk",
                 {{"reason", ranges.error().message()}, {"directory", options_.directory}});
      {
        const std::lock_guard lock(mutex_);
        handed_over_ = std::move(attempt);
      }
      // Its fate is open, so it is kept in any case.
      return PutAside(entry, true);
    }
    Tell(ranges.error(), told_us);
    if (!WaitUs(pause_us, stop_)) return ranges;
  }
}

Result<Ranges> SpoolingLogImpl::PutAside(const SpoolEntry& entry, bool always) {
  if (spool_ == nullptr) TOCSIN_TRY(OpenSpool());
  TOCSIN_TRY(spool_->Push(entry, always));
  {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  Ranges ranges;
  for (const SpoolEntry::Append& append : entry.appends) {
    ranges.push_back({append.partition, -1, append.count});
  }
  return ranges;
}

Status SpoolingLogImpl::SendFirst(Attempt& attempt) {
  TOCSIN_ASSIGN(const auto entry, spool_->Front());
  if (!entry) return {};
  std::uint64_t there = 0;
  {
    const std::lock_guard lock(mutex_);
    if (handed_over_.transaction != nullptr) attempt = std::exchange(handed_over_, {});
    there = on_cluster_;
  }
  if (entry->sequence > there) TOCSIN_TRY(Try(*entry, attempt));
  const std::lock_guard lock(mutex_);
  on_cluster_ = std::max(there, entry->sequence);
  TOCSIN_TRY(spool_->Pop());
  if (spool_->empty()) LogInfo(kComponent, "Kafka has everything that waited");
  changed_.notify_all();
  return {};
}

void SpoolingLogImpl::Drain(const std::stop_token& stop) {
  Attempt attempt;
  std::int64_t pause_us = kFirstPauseUs;
  std::int64_t told_us = 0;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !spool_->empty(); })) return;
    }
    if (Status sent = SendFirst(attempt); !sent) {
      // Whatever it is: nothing is passed over, somebody must mend it.
      Tell(sent.error(), told_us);
      if (!WaitUs(pause_us, stop)) return;
      pause_us = std::min(pause_us * 2, kLongestPauseUs);
    } else {
      pause_us = kFirstPauseUs;
      told_us = 0;
    }
  }
}

Status SpoolingLogImpl::WaitUntilDrained() {
  std::unique_lock lock(mutex_);
  if (spool_ == nullptr) return {};
  if (changed_.wait(lock, stop_, [&] { return spool_->empty(); })) return {};
  return Fail(Code::kCancelled, std::to_string(spool_->bytes()) +
                                    " bytes of events wait for Kafka in " + options_.directory +
                                    "; the next start on this data directory sends them");
}

}  // namespace

Result<std::unique_ptr<SpoolingLog>> SpoolingLog::Open(std::unique_ptr<Log> cluster,
                                                       const SpoolOptions& options,
                                                       const Clock& clock, std::stop_token stop) {
  auto log = std::make_unique<SpoolingLogImpl>(std::move(cluster), options, clock, std::move(stop));
  TOCSIN_TRY(log->Start());
  return log;
}

}  // namespace tocsin
