#include "spool/spooling_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "log_backends/memory_log.h"
#include "spool/spool_entry.h"

namespace tocsin {
namespace {

using Strings = std::vector<std::string>;

template <class T>
T Must(Result<T> result) {
  if constexpr (std::is_void_v<T>) {
    result.value();
  } else {
    return std::move(result.value());
  }
}

Strings ReadValues(Log& log, const TopicPartition& partition) {
  Strings values;
  const PartitionOffsets offsets = Must(log.Offsets(partition));
  for (std::int64_t next = offsets.earliest; next < offsets.latest;) {
    for (const auto& batch : Must(log.Fetch(partition, next, 1 << 20))) {
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        values.emplace_back(record.value);
      }
      next = batch->end_offset();
    }
  }
  return values;
}

// A cluster that can be away, and one that carries a commit out whose answer is lost. It outlives
// the processes that use it.
struct Cluster {
  enum class Mode : std::uint8_t { kThere, kAway, kAnswersAreLost };
  const SystemClock clock;
  const std::unique_ptr<MemoryLog> log = MemoryLog::Make(clock);
  std::atomic<Mode> mode = Mode::kThere;
  std::atomic<int> commits = 0;  // tried
  int questions_refused = 0;     // of those that come next
};

class ClusterTransaction final : public Transaction {
 public:
  ClusterTransaction(Cluster& cluster, std::unique_ptr<Transaction> transaction)
      : cluster_(cluster), transaction_(std::move(transaction)) {}
  Status Append(const TopicPartition& partition, RecordBatchBuilder& batch) override {
    return transaction_->Append(partition, batch);
  }
  void CommitOffset(std::string_view group, const TopicPartition& partition,
                    std::int64_t next_offset) override {
    transaction_->CommitOffset(group, partition, next_offset);
  }
  void PutState(std::string_view store, std::int32_t partition, std::string_view key,
                std::string_view value) override {
    transaction_->PutState(store, partition, key, value);
  }
  void ReplaceState(std::string_view store, std::int32_t partition) override {
    transaction_->ReplaceState(store, partition);
  }
  Result<std::vector<AppendedRange>> Commit() override {
    ++cluster_.commits;
    if (cluster_.mode == Cluster::Mode::kAway) return Fail(Code::kUnavailable, "away");
    if (!done_) {
      TOCSIN_ASSIGN(ranges_, transaction_->Commit());
      done_ = true;
    }
    if (cluster_.mode == Cluster::Mode::kAnswersAreLost) return Fail(Code::kUnavailable, "lost");
    return ranges_;
  }

 private:
  Cluster& cluster_;
  std::unique_ptr<Transaction> transaction_;
  std::vector<AppendedRange> ranges_;
  bool done_ = false;
};

class ClusterLog final : public Log {
 public:
  explicit ClusterLog(Cluster& cluster) : cluster_(cluster), log_(*cluster.log) {}
  Status EnsureTopic(const std::string& topic, const TopicConfig& config) override {
    return log_.EnsureTopic(topic, config);
  }
  Result<std::vector<TopicInfo>> Topics() override {
    TOCSIN_TRY(Ask());
    return log_.Topics();
  }
  Result<PartitionOffsets> Offsets(const TopicPartition& partition) override {
    return log_.Offsets(partition);
  }
  Result<std::vector<std::shared_ptr<const RecordBatch>>> Fetch(const TopicPartition& partition,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) override {
    return log_.Fetch(partition, offset, max_bytes);
  }
  std::uint64_t AppendCount() override { return log_.AppendCount(); }
  std::uint64_t WaitForAppend(std::uint64_t seen, std::int64_t timeout_us,
                              std::stop_token stop) override {
    return log_.WaitForAppend(seen, timeout_us, std::move(stop));
  }
  Result<std::optional<std::int64_t>> CommittedOffset(std::string_view group,
                                                      const TopicPartition& partition) override {
    return log_.CommittedOffset(group, partition);
  }
  Status RegisterGroup(std::string_view group, const std::string& topic) override {
    return log_.RegisterGroup(group, topic);
  }
  Status ReadState(std::string_view store, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) override {
    TOCSIN_TRY(Ask());
    return log_.ReadState(store, partition, visit);
  }
  Result<StateSize> SizeOfState(std::string_view store, std::int32_t partition) override {
    return log_.SizeOfState(store, partition);
  }
  Result<std::unique_ptr<Transaction>> Begin(TransactionOptions options) override {
    TOCSIN_ASSIGN(auto transaction, log_.Begin(options));
    return std::make_unique<ClusterTransaction>(cluster_, std::move(transaction));
  }
  Result<std::unique_ptr<Consumer>> Subscribe(const ConsumerOptions& options) override {
    return log_.Subscribe(options);
  }

 private:
  Status Ask() {
    if (cluster_.questions_refused <= 0) return {};
    --cluster_.questions_refused;
    return Fail(Code::kUnavailable, "away");
  }

  Cluster& cluster_;
  Log& log_;
};

class SpoolingLogTest : public testing::Test {
 protected:
  SpoolingLogTest() {
    std::string name = std::filesystem::temp_directory_path() / "tocsin_spool_XXXXXX";
    if (mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
    options_ = {.directory = directory_ + "/spool", .name = "ingest-0", .patience_us = 0};
    Must(cluster_.log->EnsureTopic("t", {.partitions = 1}));
  }
  ~SpoolingLogTest() override {
    log_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Open() {
    log_.reset();
    log_ = Must(SpoolingLog::Open(std::make_unique<ClusterLog>(cluster_), options_, cluster_.clock,
                                  stop_.get_token()));
  }
  Result<std::vector<AppendedRange>> Append(const std::string& value) {
    const auto transaction = Must(log_->Begin({.ingest = true}));
    RecordBatchBuilder batch;
    batch.Append("key", value);
    Must(transaction->Append({"t", 0}, batch));
    transaction->PutState("ingest", 7, "position", value);
    return transaction->Commit();
  }
  Strings OnCluster() { return ReadValues(*cluster_.log, {"t", 0}); }

  Cluster cluster_;
  std::string directory_;
  SpoolOptions options_;
  std::stop_source stop_;
  std::unique_ptr<SpoolingLog> log_;
};

TEST_F(SpoolingLogTest, WithTheClusterThereNothingIsSpooled) {
  Open();
  EXPECT_EQ(Must(Append("a")).at(0).base_offset, 0);
  EXPECT_EQ(Must(Append("b")).at(0).base_offset, 1);
  EXPECT_EQ(log_->spooled_bytes(), 0);
  EXPECT_EQ(OnCluster(), (Strings{"a", "b"}));
  EXPECT_FALSE(std::filesystem::exists(options_.directory));
}

TEST_F(SpoolingLogTest, TheQuestionsOfAStartWaitForTheCluster) {
  Open();
  Must(Append("a"));
  cluster_.questions_refused = 2;
  Open();
  cluster_.questions_refused = 2;
  EXPECT_EQ(Must(PartitionCount(*log_, "t")), 1);
  cluster_.questions_refused = 2;
  Strings values;
  Must(log_->ReadState(
      "ingest", 7, [&](std::string_view, std::string_view value) { values.emplace_back(value); }));
  EXPECT_EQ(values, Strings{"a"});
}

TEST_F(SpoolingLogTest, WhileTheClusterIsAwayEventsAreTakenAndFollowInTheirOrder) {
  Open();
  Must(Append("a"));
  cluster_.mode = Cluster::Mode::kAway;
  EXPECT_EQ(Must(Append("b")).at(0).base_offset, -1);
  Must(Append("c"));
  EXPECT_GT(log_->spooled_bytes(), 0);
  EXPECT_EQ(OnCluster(), (Strings{"a"}));
  cluster_.mode = Cluster::Mode::kThere;
  Must(Append("d"));
  Must(log_->WaitUntilDrained());
  EXPECT_EQ(log_->spooled_bytes(), 0);
  EXPECT_EQ(OnCluster(), (Strings{"a", "b", "c", "d"}));
  log_.reset();
  EXPECT_FALSE(std::filesystem::exists(options_.directory)) << "a folder says that something waits";
}

TEST_F(SpoolingLogTest, ACommitWhoseAnswerWasLostIsNotMadeTwice) {
  Open();
  cluster_.mode = Cluster::Mode::kAnswersAreLost;
  Must(Append("a"));
  Must(Append("b"));
  cluster_.mode = Cluster::Mode::kThere;
  Must(log_->WaitUntilDrained());
  EXPECT_EQ(OnCluster(), (Strings{"a", "b"}));
}

TEST_F(SpoolingLogTest, TheNextProcessSendsWhatWaits) {
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  for (const char* value : {"a", "b", "c"}) Must(Append(value));
  log_.reset();
  EXPECT_TRUE(OnCluster().empty());
  EXPECT_TRUE(std::filesystem::exists(options_.directory));
  cluster_.mode = Cluster::Mode::kThere;
  Open();
  Must(Append("d"));
  Must(log_->WaitUntilDrained());
  EXPECT_EQ(OnCluster(), (Strings{"a", "b", "c", "d"}));
}

TEST_F(SpoolingLogTest, WhatArrivedBeforeACrashIsNotSentAgain) {
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  for (const char* value : {"a", "b", "c"}) Must(Append(value));
  // The process dies with the cluster having two of them, and the spool knowing of none.
  cluster_.mode = Cluster::Mode::kAnswersAreLost;
  while (OnCluster().empty()) std::this_thread::yield();
  log_.reset();
  const auto arrived = OnCluster();
  ASSERT_EQ(arrived, (Strings{"a"}));
  cluster_.mode = Cluster::Mode::kThere;
  Open();
  Must(log_->WaitUntilDrained());
  EXPECT_EQ(OnCluster(), (Strings{"a", "b", "c"}));
}

TEST_F(SpoolingLogTest, TheSpoolIsBoundedAndTakesMoreWhenItHasDrained) {
  options_.max_bytes = 2000;
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  int taken = 0;
  Result<std::vector<AppendedRange>> last;
  while ((last = Append(std::string(300, 'x')))) ASSERT_LT(++taken, 10);
  EXPECT_GT(taken, 2);
  EXPECT_EQ(last.error().code(), Code::kResourceExhausted);
  EXPECT_NE(last.error().message().find("KAFKA_SPOOL_BYTES"), std::string::npos);
  cluster_.mode = Cluster::Mode::kThere;
  Must(log_->WaitUntilDrained());
  Must(Append("more"));
  EXPECT_EQ(OnCluster().size(), static_cast<std::size_t>(taken) + 1);
}

TEST_F(SpoolingLogTest, StateIsReadWhenWhatWaitsHasArrived) {
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  Must(Append("a"));
  cluster_.mode = Cluster::Mode::kThere;
  std::string position;
  Must(log_->ReadState("ingest", 7,
                       [&](std::string_view, std::string_view value) { position = value; }));
  EXPECT_EQ(position, "a");
}

TEST_F(SpoolingLogTest, AStopEndsTheWaitForTheClusterAndSaysWhatWaits) {
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  Must(Append("a"));
  stop_.request_stop();
  const Status waited = log_->WaitUntilDrained();
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().code(), Code::kCancelled);
  EXPECT_NE(waited.error().message().find(options_.directory), std::string::npos);
}

TEST_F(SpoolingLogTest, WithoutASpoolTheClusterIsWaitedFor) {
  options_.max_bytes = 0;
  Open();
  cluster_.mode = Cluster::Mode::kAnswersAreLost;
  std::jthread appending([this] { Must(Append("a")); });
  while (cluster_.commits < 2) std::this_thread::yield();
  cluster_.mode = Cluster::Mode::kThere;
  appending.join();
  EXPECT_EQ(OnCluster(), (Strings{"a"}));
  EXPECT_FALSE(std::filesystem::exists(options_.directory));
}

TEST_F(SpoolingLogTest, WhatIsNoIngestGoesToTheClusterAlone) {
  Open();
  cluster_.mode = Cluster::Mode::kAway;
  const auto transaction = Must(log_->Begin());
  transaction->PutState("s", 0, "k", "v");
  EXPECT_FALSE(transaction->Commit());
  EXPECT_EQ(log_->spooled_bytes(), 0);
}

TEST(SpoolEntryTest, ComesBackAsItWas) {
  SpoolEntry entry;
  entry.sequence = 1ULL << 40;
  RecordBatchBuilder batch;
  batch.Append("key", "value", EncodeHeaders({{"h", "1"}}));
  batch.Append(std::nullopt, std::string("\0x", 2));
  auto [payload, count] = batch.Take();
  SpoolEntry::Append& append = entry.appends.emplace_back();
  append.partition = TopicPartition{"t", 3};
  append.payload = payload;
  append.count = count;
  entry.offsets["g"][{"t", 1}] = 12;
  entry.steps.push_back(
      {.store = "s", .partition = 0x7fffffff, .replace = true, .key = {}, .value = {}});
  entry.steps.push_back({.store = "s", .partition = 0x7fffffff, .key = "k", .value = "v"});
  const std::string bytes = EncodeSpoolEntry(entry);
  const auto back = DecodeSpoolEntry(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(EncodeSpoolEntry(*back), bytes);
  EXPECT_EQ(back->sequence, entry.sequence);
  EXPECT_EQ(back->records(), 2u);
  EXPECT_EQ(back->appends.at(0).payload, payload);
  EXPECT_EQ(back->offsets, entry.offsets);
  EXPECT_TRUE(back->steps.at(0).replace);
  EXPECT_EQ(back->steps.at(1).value, "v");
}

TEST(SpoolEntryTest, TruncatedBytesAreDamage) {
  SpoolEntry entry;
  entry.steps.push_back({.store = "s", .partition = 1, .key = "k", .value = "v"});
  const std::string bytes = EncodeSpoolEntry(entry);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = DecodeSpoolEntry(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(decoded) << size;
    EXPECT_EQ(decoded.error().code(), Code::kDataLoss);
  }
  EXPECT_FALSE(DecodeSpoolEntry(bytes + "x"));
}

}  // namespace
}  // namespace tocsin
