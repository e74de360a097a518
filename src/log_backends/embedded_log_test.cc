#include "log_backends/embedded_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "log_backends/simulated_disk.h"

namespace tocsin {
namespace {

// A log of topic "t" on a simulated disk.
class EmbeddedFixture : public testing::Test {
 protected:
  EmbeddedFixture() {
    options_.directory = "/disk/log";
    options_.env = disk_->env();
    options_.disk_reserve_bytes = 0;
    options_.cache_bytes = 0;  // every read goes to the store
  }

  void Open(const TopicConfig& config = {.partitions = 1}) {
    Close();
    auto log = EmbeddedLog::Open(options_, clock_);
    ASSERT_TRUE(log) << log.error().message();
    log_ = std::move(*log);
    ASSERT_TRUE(log_->EnsureTopic("t", config));
  }
  void Close() { log_.reset(); }
  // Takes the disk as it is, as if the process had been killed and the power gone.
  void Cut() {
    auto after = disk_->PowerCut(random_);
    Close();
    disk_ = std::move(after);
    options_.env = disk_->env();
  }

  Result<std::vector<AppendedRange>> TryAppend(std::size_t records, std::size_t bytes,
                                               TransactionOptions options = {}) {
    RecordBatchBuilder batch;
    for (std::size_t i = 0; i < records; ++i) {
      std::string value(bytes, '\0');  // random, so that no compression makes it small
      for (char& c : value) c = static_cast<char>(random_.Next());
      batch.Append(std::nullopt, value);
    }
    auto transaction = log_->Begin(options);
    TOCSIN_TRY((*transaction)->Append(p0_, batch));
    return (*transaction)->Commit();
  }
  void Append(std::size_t records, std::size_t bytes) {
    const auto appended = TryAppend(records, bytes);
    ASSERT_TRUE(appended) << appended.error().message();
  }
  void CommitOffset(std::string_view group, std::int64_t next) {
    auto transaction = log_->Begin();
    (*transaction)->CommitOffset(group, p0_, next);
    ASSERT_TRUE((*transaction)->Commit());
  }
  PartitionOffsets OffsetsNow() { return log_->Offsets(p0_).value(); }
  // Reads from `offset` to the end; the number of records.
  std::size_t CountFrom(std::int64_t offset) {
    std::size_t records = 0;
    for (;;) {
      const auto batches = log_->Fetch(p0_, offset, 1 << 20);
      EXPECT_TRUE(batches) << batches.error().message();
      if (!batches || batches->empty()) return records;
      for (const auto& batch : *batches) {
        records +=
            static_cast<std::size_t>(batch->end_offset() - std::max(offset, batch->base_offset()));
        offset = batch->end_offset();
      }
    }
  }
  // Flips a bit in the middle of a file, at `part` of its length.
  void Damage(const std::string& file, double part) {
    std::string bytes = disk_->Read(file);
    bytes[static_cast<std::size_t>(static_cast<double>(bytes.size()) * part)] ^= 1;
    disk_->Write(file, std::move(bytes));
  }

  const TopicPartition p0_{"t", 0};
  SeededRandom random_{7};
  ManualClock clock_{1'700'000'000'000'000};
  std::unique_ptr<SimulatedDisk> disk_ = std::make_unique<SimulatedDisk>();
  EmbeddedLogOptions options_;
  std::unique_ptr<EmbeddedLog> log_;
};

// --- Damage ------------------------------------------------------------------------------------

class EmbeddedLogDamageTest : public EmbeddedFixture {
 protected:
  // The open is refused, naming offsets of t/0; repair gives them up; the rest can be read.
  void ExpectRefusalThenRepair(std::size_t records) {
    const auto refused = EmbeddedLog::Open(options_, clock_);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kDataLoss);
    EXPECT_NE(refused.error().message().find("lost are t/0 offsets "), std::string::npos)
        << refused.error().message();
    EXPECT_NE(refused.error().message().find("doctor --repair"), std::string::npos);

    const auto lost = EmbeddedLog::Repair(options_, clock_);
    ASSERT_TRUE(lost) << lost.error().message();
    ASSERT_EQ(lost->size(), 1u);
    const LostRange range = lost->front();
    EXPECT_EQ(range.partition, p0_);
    EXPECT_NE(refused.error().message().find("offsets " + std::to_string(range.first) + " to " +
                                             std::to_string(range.end - 1)),
              std::string::npos)
        << refused.error().message();

    Open();
    const auto gone = static_cast<std::size_t>(range.end - range.first);
    EXPECT_LT(gone, records / 2) << "much more than the damage is lost";
    EXPECT_EQ(CountFrom(0), records - gone);
    const auto behind = log_->Fetch(p0_, range.first, 1);
    ASSERT_TRUE(behind && !behind->empty());
    EXPECT_EQ(behind->front()->base_offset(), range.end);
    const auto report = log_->Verify({});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->lost.size(), 1u);
    EXPECT_TRUE(report->problems.empty()) << report->problems.front();
    Append(3, 10);
    EXPECT_EQ(CountFrom(0), records - gone + 3);
    Open();
    EXPECT_EQ(CountFrom(0), records - gone + 3);
  }
};

TEST_F(EmbeddedLogDamageTest, ATornTailOfTheWalIsDroppedAndNothingElse) {
  Open();
  for (int i = 0; i < 10; ++i) Append(5, 100);
  Cut();
  const std::string wal = disk_->LargestFile(".log");
  const std::string bytes = disk_->Read(wal);
  for (const std::size_t torn : {1u, 7u, 200u, 600u}) {
    disk_->Write(wal, bytes.substr(0, bytes.size() - torn));
    const auto after = disk_->PowerCut(random_);
    options_.env = after->env();
    Open();
    const std::int64_t latest = OffsetsNow().latest;
    EXPECT_EQ(latest % 5, 0) << "a part of a transaction is there";
    EXPECT_GE(latest, torn < 500 ? 45 : 40);
    EXPECT_LT(latest, 50);
    EXPECT_EQ(CountFrom(0), static_cast<std::size_t>(latest));
    Close();
  }
}

TEST_F(EmbeddedLogDamageTest, DamageInTheMiddleOfTheWalNamesTheOffsetsAndIsRepaired) {
  Open();
  for (int i = 0; i < 40; ++i) Append(5, 1000);
  Cut();
  Damage(disk_->LargestFile(".log"), 0.5);
  ExpectRefusalThenRepair(200);
}

TEST_F(EmbeddedLogDamageTest, DamageInTheMiddleOfATableNamesTheOffsetsAndIsRepaired) {
  Open();
  for (int i = 0; i < 40; ++i) Append(5, 1000);
  Cut();
  Open();  // writes what the WAL holds to a table
  Close();
  Damage(disk_->LargestFile(".sst"), 0.5);
  ExpectRefusalThenRepair(200);
}

TEST_F(EmbeddedLogDamageTest, ADamagedManifestIsRebuiltByRepair) {
  Open();
  for (int i = 0; i < 10; ++i) Append(5, 1000);
  CommitOffset("g", 20);
  Cut();
  Open();  // from here on every family has a table
  Cut();
  Damage(disk_->LargestFile("MANIFEST"), 0.3);
  const auto refused = EmbeddedLog::Open(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  const auto lost = EmbeddedLog::Repair(options_, clock_);
  ASSERT_TRUE(lost) << lost.error().message();
  EXPECT_TRUE(lost->empty());
  Open();
  EXPECT_EQ(CountFrom(0), 50u);
  EXPECT_EQ(log_->CommittedOffset("g", p0_).value(), 20);
}

TEST_F(EmbeddedLogDamageTest, DamageThatAppearsWhileOpenIsNamedByTheReaderThatMeetsIt) {
  Open();
  for (int i = 0; i < 40; ++i) Append(5, 1000);
  Cut();
  Open();
  Open();  // with a block cache that has not seen the table being written
  Damage(disk_->LargestFile(".sst"), 0.5);
  Status failure;
  for (std::int64_t offset = 0; offset < 200 && failure;) {
    const auto batches = log_->Fetch(p0_, offset, 1);
    if (batches) {
      offset = batches->back()->end_offset();
    } else {
      failure = std::unexpected(batches.error());
    }
  }
  ASSERT_FALSE(failure);
  EXPECT_EQ(failure.error().code(), Code::kDataLoss);
  EXPECT_NE(failure.error().message().find("t/0 is damaged at offset "), std::string::npos);
  const auto report = log_->Verify({});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->lost.size(), 1u);
  EXPECT_FALSE(report->problems.empty());
}

TEST_F(EmbeddedLogDamageTest, VerifyOfASoundLogCountsEverything) {
  Open();
  for (int i = 0; i < 8; ++i) Append(5, 100);
  std::uint64_t done = 0;
  std::uint64_t all = 0;
  const auto report = log_->Verify([&](std::uint64_t now, std::uint64_t of) {
    done = now;
    all = of;
  });
  ASSERT_TRUE(report);
  EXPECT_EQ(report->batches, 8u);
  EXPECT_EQ(report->records, 40u);
  EXPECT_TRUE(report->problems.empty() && report->lost.empty());
  EXPECT_EQ(done, all);
  EXPECT_EQ(static_cast<std::int64_t>(all), OffsetsNow().bytes);
}

// --- Retention and the disk --------------------------------------------------------------------

class EmbeddedRetentionTest : public EmbeddedFixture {};

constexpr std::int64_t kMinuteUs = 60'000'000;

TEST_F(EmbeddedRetentionTest, BatchesOlderThanTheLimitGoWhole) {
  Open({.partitions = 1, .retention_bytes = 0, .retention_ms = 10 * 60'000});
  for (int minute = 0; minute < 20; ++minute) {
    Append(3, 50);
    clock_.Advance(kMinuteUs);
  }
  ASSERT_TRUE(log_->EnforceRetention());
  EXPECT_EQ(OffsetsNow().earliest, 30);
  EXPECT_EQ(CountFrom(30), 30u);
  EXPECT_EQ(log_->Fetch(p0_, 29, 1).error().code(), Code::kInvalidArgument);
  Open({.partitions = 1, .retention_bytes = 0, .retention_ms = 10 * 60'000});
  EXPECT_EQ(OffsetsNow().earliest, 30);
}

TEST_F(EmbeddedRetentionTest, ATopicAboveItsSizeLosesItsOldestAndTheSpaceIsFreed) {
  Open({.partitions = 1, .retention_bytes = 100'000, .retention_ms = 0});
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 4; ++i) Append(10, 1000);
    Cut();  // the next open writes a table
    Open({.partitions = 1, .retention_bytes = 100'000, .retention_ms = 0});
    clock_.Advance(kMinuteUs);
  }
  ASSERT_TRUE(log_->EnforceRetention());
  const PartitionOffsets offsets = OffsetsNow();
  EXPECT_LE(offsets.bytes, 100'000);
  EXPECT_GT(offsets.bytes, 80'000);
  EXPECT_EQ(offsets.latest, 400);
  EXPECT_EQ(CountFrom(offsets.earliest), static_cast<std::size_t>(400 - offsets.earliest));
  Close();
  ASSERT_GT(disk_->BytesOf(".sst"), 90'000u);
  EXPECT_LT(disk_->BytesOf(".sst"), 200'000u);
}

TEST_F(EmbeddedRetentionTest, AGroupThatHasNotReadStopsIngestUntilItHas) {
  Open({.partitions = 1, .retention_bytes = 50'000, .retention_ms = 0});
  ASSERT_TRUE(log_->RegisterGroup("slow", "t"));
  for (int i = 0; i < 10; ++i) Append(10, 1000);
  clock_.Advance(kMinuteUs);
  ASSERT_TRUE(log_->EnforceRetention());
  EXPECT_EQ(OffsetsNow().earliest, 0);
  const auto refused = TryAppend(1, 10, {.ingest = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  for (const char* word : {"topic t", "group slow", "50,000", "RETENTION_FORCE"}) {
    EXPECT_NE(refused.error().message().find(word), std::string::npos) << refused.error().message();
  }
  EXPECT_EQ(log_->statistics().refused, 1u);
  EXPECT_TRUE(TryAppend(1, 10)) << "a stage's own commit is not refused";

  CommitOffset("slow", 75);
  clock_.Advance(1'000'000);
  EXPECT_TRUE(TryAppend(1, 10, {.ingest = true}));
  EXPECT_EQ(OffsetsNow().earliest, 60) << "whole batches, none that is unread";
  EXPECT_LE(OffsetsNow().bytes, 50'000);
}

TEST_F(EmbeddedRetentionTest, ForcedRetentionPassesTheGroupAndCountsTheLoss) {
  options_.retention_force = true;
  Open({.partitions = 1, .retention_bytes = 50'000, .retention_ms = 0});
  ASSERT_TRUE(log_->RegisterGroup("slow", "t"));
  CommitOffset("slow", 5);
  for (int i = 0; i < 10; ++i) Append(10, 1000);
  clock_.Advance(kMinuteUs);
  ASSERT_TRUE(log_->EnforceRetention());
  const std::int64_t earliest = OffsetsNow().earliest;
  EXPECT_GT(earliest, 40);
  EXPECT_EQ(log_->statistics().retention_forced_records, static_cast<std::uint64_t>(earliest - 5));
  EXPECT_TRUE(TryAppend(1, 10, {.ingest = true}));
}

TEST_F(EmbeddedRetentionTest, UnreadOldRecordsStayAndDoNotStopIngest) {
  Open({.partitions = 1, .retention_bytes = 0, .retention_ms = 60'000});
  ASSERT_TRUE(log_->RegisterGroup("slow", "t"));
  Append(10, 100);
  clock_.Advance(10 * kMinuteUs);
  ASSERT_TRUE(log_->EnforceRetention());
  EXPECT_EQ(OffsetsNow().earliest, 0);
  EXPECT_TRUE(TryAppend(1, 10, {.ingest = true}));
}

TEST_F(EmbeddedRetentionTest, ANearlyFullDiskRefusesIngestAndResumesByItself) {
  std::int64_t free = 1000;
  options_.disk_reserve_bytes = 5000;
  options_.free_bytes = [&](const std::string&) { return free; };
  Open();
  const auto refused = TryAppend(1, 10, {.ingest = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  for (const char* word : {"/disk/log", "1,000", "5,000"}) {
    EXPECT_NE(refused.error().message().find(word), std::string::npos) << refused.error().message();
  }
  EXPECT_TRUE(TryAppend(1, 10)) << "a stage's own commit is not refused";
  free = 6000;
  clock_.Advance(200'000);
  EXPECT_TRUE(TryAppend(1, 10, {.ingest = true}));
  EXPECT_EQ(log_->statistics().refused, 1u);
}

// --- Opening and running -----------------------------------------------------------------------

class EmbeddedLogTest : public EmbeddedFixture {};

TEST_F(EmbeddedLogTest, ConcurrentCommitsShareASync) {
  Open();
  std::vector<std::jthread> threads;
  constexpr int kThreads = 8;
  constexpr int kCommits = 50;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCommits; ++i) {
        RecordBatchBuilder batch;
        batch.Append("k", "value");
        auto transaction = log_->Begin();
        EXPECT_TRUE((*transaction)->Append(p0_, batch));
        EXPECT_TRUE((*transaction)->Commit());
      }
    });
  }
  threads.clear();
  const auto statistics = log_->statistics();
  EXPECT_EQ(statistics.commits, std::uint64_t{kThreads * kCommits});
  EXPECT_LE(statistics.syncs, statistics.commits + 3);
  EXPECT_EQ(CountFrom(0), std::size_t{kThreads * kCommits});
}

TEST_F(EmbeddedLogTest, MemoryStaysBoundedWhileMuchIsAppended) {
  options_.cache_bytes = 4u << 20;
  Open();
  for (int i = 0; i < 120; ++i) {
    Append(16, 64 << 10);
    ASSERT_LT(log_->statistics().memory_bytes, 120u << 20);
  }
}

TEST_F(EmbeddedLogTest, ADirectoryWithDataButWithoutCurrentIsNotTakenForEmpty) {
  Open();
  Append(5, 100);
  Cut();
  disk_->Remove("/disk/log/CURRENT");
  const auto refused = EmbeddedLog::Open(options_, clock_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kDataLoss);
  EXPECT_FALSE(disk_->LargestFile(".log").empty());
}

TEST(EmbeddedLogHolderTest, TheSecondOpenerIsToldWhoHoldsTheDirectory) {
  std::string directory = (std::filesystem::temp_directory_path() / "tocsin-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  EXPECT_EQ(HolderOf(directory), 0);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Takes the lock as RocksDB does, without its threads, which a fork cannot carry over.
    const int fd = ::open((directory + "/LOCK").c_str(), O_RDWR | O_CREAT, 0644);
    struct flock lock{};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    const bool locked = ::fcntl(fd, F_SETLK, &lock) == 0;
    static_cast<void>(!::write(ready[1], locked ? "y" : "n", 1));
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_EQ(HolderOf(directory), child);
  EmbeddedLogOptions options;
  options.directory = directory;
  const SystemClock clock;
  const auto refused = EmbeddedLog::Open(options, clock);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_NE(refused.error().message().find("process " + std::to_string(child)), std::string::npos)
      << refused.error().message();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(HolderOf(directory), 0);
  {
    const auto log = EmbeddedLog::Open(options, clock);
    ASSERT_TRUE(log) << log.error().message();
    EXPECT_EQ(HolderOf(directory), ::getpid());
    EXPECT_EQ(EmbeddedLog::Open(options, clock).error().code(), Code::kUnavailable);
  }
  EXPECT_EQ(HolderOf(directory), 0);
  ::close(ready[0]);
  ::close(ready[1]);
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tocsin
