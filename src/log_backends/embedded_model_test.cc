// The log against a model in memory, with the power cut at every operation on the disk.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>

#include "base/random.h"
#include "log_backends/embedded_log.h"
#include "log_backends/simulated_disk.h"

namespace tocsin {
namespace {

constexpr std::int32_t kPartitions = 2;
constexpr std::string_view kStore = "process";
constexpr std::string_view kGroup = "process";

// What committed transactions must have left.
struct Model {
  std::vector<std::string> values[kPartitions];
  std::int64_t offsets[kPartitions] = {0, 0};
  std::map<std::string, std::string> state[kPartitions];
  bool operator==(const Model&) const = default;
};

EmbeddedLogOptions OptionsFor(SimulatedDisk& disk) {
  EmbeddedLogOptions options;
  options.directory = "/disk/log";
  options.env = disk.env();
  options.disk_reserve_bytes = 0;
  options.cache_bytes = 2000;  // so small that readers often go to the store
  return options;
}

// One random transaction, put into `transaction` and `model` alike.
void Fill(Transaction& transaction, Model& model, RandomSource& random, int number) {
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    const auto index = static_cast<std::size_t>(p);
    for (std::uint64_t append = random.NextBelow(3); append > 0; --append) {
      RecordBatchBuilder batch;
      for (std::uint64_t n = 1 + random.NextBelow(4); n > 0; --n) {
        std::string value = std::to_string(number) + ":" + std::to_string(random.NextBelow(1000));
        value.append(random.NextBelow(300), 'x');
        batch.Append(std::nullopt, value);
        model.values[index].push_back(std::move(value));
      }
      ASSERT_TRUE(transaction.Append({"t", p}, batch));
    }
    if (random.NextBelow(2) == 0) {
      model.offsets[index] = number;
      transaction.CommitOffset(kGroup, {"t", p}, number);
    }
    if (random.NextBelow(6) == 0) {
      transaction.ReplaceState(kStore, p);
      model.state[index].clear();
    }
    for (std::uint64_t n = random.NextBelow(4); n > 0; --n) {
      const std::string key = "device " + std::to_string(random.NextBelow(6));
      const std::string value = random.NextBelow(4) == 0 ? "" : std::to_string(number);
      transaction.PutState(kStore, p, key, value);
      if (value.empty()) {
        model.state[index].erase(key);
      } else {
        model.state[index][key] = value;
      }
    }
  }
}

// What the log says; nothing when its offsets do not follow each other or it answers an error.
std::optional<Model> Observe(EmbeddedLog& log) {
  Model seen;
  for (std::int32_t p = 0; p < kPartitions; ++p) {
    const TopicPartition partition{"t", p};
    const auto index = static_cast<std::size_t>(p);
    const auto offsets = log.Offsets(partition);
    if (!offsets) return Model();  // the topic was not made yet
    for (std::int64_t at = 0; at < offsets->latest;) {
      const auto batches = log.Fetch(partition, at, 500);
      if (!batches || batches->empty()) return std::nullopt;
      for (const auto& batch : *batches) {
        if (batch->base_offset() != at) return std::nullopt;
        Record record;
        for (RecordBatch::Cursor cursor(*batch); cursor.Next(record); ++at) {
          seen.values[index].emplace_back(record.value);
        }
      }
    }
    const auto committed = log.CommittedOffset(kGroup, partition);
    if (!committed) return std::nullopt;
    seen.offsets[index] = committed->value_or(0);
    const Status read = log.ReadState(kStore, p, [&](std::string_view key, std::string_view value) {
      seen.state[index].emplace(key, value);
    });
    if (!read) return std::nullopt;
  }
  return seen;
}

// Empty when a log on what the power cut left equals `acknowledged` or `in_flight`.
std::string CheckAfterCut(SimulatedDisk& disk, const Model& acknowledged, const Model& in_flight) {
  ManualClock clock;
  const auto log = EmbeddedLog::Open(OptionsFor(disk), clock);
  if (!log) return "it does not open: " + log.error().message();
  const auto seen = Observe(**log);
  if (!seen) return "it cannot be read";
  if (*seen != acknowledged && *seen != in_flight) {
    std::string text = "it holds";
    for (std::size_t p = 0; p < kPartitions; ++p) {
      text += " " + std::to_string(seen->values[p].size()) + " of " +
              std::to_string(acknowledged.values[p].size()) + " acknowledged records";
    }
    return text;
  }
  // It goes on: the next commit is taken and seen.
  if (!(*log)->EnsureTopic("t", {.partitions = kPartitions})) return "it makes no topic";
  auto transaction = (*log)->Begin();
  RecordBatchBuilder batch;
  batch.Append(std::nullopt, "after");
  if (!(*transaction)->Append({"t", 0}, batch) || !(*transaction)->Commit()) return "it is stuck";
  const auto again = Observe(**log);
  return again && again->values[0].back() == "after" ? "" : "its next commit is not seen";
}

// Runs random transactions and reopens; cuts the power at every `stride`-th operation. The first
// violation, or empty.
std::string RunWithPowerCuts(std::uint64_t seed, int steps, std::uint64_t stride, int& cuts) {
  SeededRandom random(seed);
  SeededRandom torn(seed + 1000);
  SimulatedDisk disk;
  ManualClock clock(1'700'000'000'000'000);
  Model acknowledged;
  Model in_flight;
  std::string violation;
  struct Cut {
    std::unique_ptr<SimulatedDisk> disk;
    Model acknowledged;
    Model in_flight;
  };
  std::vector<Cut> pending;
  disk.OnOperation([&](std::uint64_t number) {
    // RocksDB's own threads work as well; only the driving thread's view of the model is stable
    // while it is inside a call, and they run only then.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (number % stride == 0) pending.push_back({disk.PowerCut(torn), acknowledged, in_flight});
  });
  auto log = EmbeddedLog::Open(OptionsFor(disk), clock);
  if (!log) return log.error().message();
  if (!(*log)->EnsureTopic("t", {.partitions = kPartitions})) return "no topic";
  for (int step = 1; step <= steps && violation.empty(); ++step) {
    if (random.NextBelow(12) == 0) {
      log->reset();
      log = EmbeddedLog::Open(OptionsFor(disk), clock);
      if (!log) return "reopen: " + log.error().message();
    }
    auto transaction = (*log)->Begin();
    Model next = acknowledged;
    Fill(**transaction, next, random, step);
    in_flight = next;
    if (!(*transaction)->Commit()) return "a commit failed";
    acknowledged = std::move(next);
    if (const auto seen = Observe(**log); !seen || *seen != acknowledged) {
      return "step " + std::to_string(step) + ": the open log differs from the model";
    }
    for (Cut& cut : pending) {
      ++cuts;
      violation = CheckAfterCut(*cut.disk, cut.acknowledged, cut.in_flight);
      if (!violation.empty()) break;
    }
    pending.clear();
    // Also right after the acknowledgement, where nothing may be missing.
    const auto now = disk.PowerCut(torn);
    if (violation.empty()) violation = CheckAfterCut(*now, acknowledged, acknowledged);
    if (!violation.empty()) violation = "step " + std::to_string(step) + ": " + violation;
  }
  disk.OnOperation({});
  return violation;
}

TEST(EmbeddedLogPowerCutTest, ExactlyTheAcknowledgedTransactionsSurviveACutAtEveryOperation) {
  int cuts = 0;
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    EXPECT_EQ(RunWithPowerCuts(seed, 20, 1, cuts), "") << "seed " << seed;
  }
  EXPECT_GT(cuts, 100);
}

// The control: without fsync the same check must find losses. In a process of its own, because the
// switch is read once.
TEST(EmbeddedLogPowerCutDeathTest, ALogThatDoesNotSyncIsCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("TOCSIN_TEST_SWITCH", "sync_off", 1);
        int cuts = 0;
        const std::string violation = RunWithPowerCuts(1, 10, 1, cuts);
        std::fprintf(stderr, "violation: %s\n", violation.c_str());
        std::_Exit(violation.empty() ? 0 : 3);
      },
      testing::ExitedWithCode(3), "violation: step .*acknowledged records");
}

TEST(EmbeddedLogPowerCutDeathTest, StateWrittenOutsideTheTransactionIsCaught) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::setenv("TOCSIN_TEST_SWITCH", "state_outside_txn", 1);
        int cuts = 0;
        const std::string violation = RunWithPowerCuts(1, 10, 1, cuts);
        std::fprintf(stderr, "violation: %s\n", violation.c_str());
        std::_Exit(violation.empty() ? 0 : 3);
      },
      testing::ExitedWithCode(3), "violation: step ");
}

// After a failed write or sync nothing more is accepted, and what was acknowledged is there again.
void RunWithFault(std::uint64_t operation, SimulatedDisk::Fault fault) {
  SCOPED_TRACE("operation " + std::to_string(operation));
  SeededRandom random(operation);
  SimulatedDisk disk;
  ManualClock clock;
  Model acknowledged;
  Model in_flight;
  bool failed = false;
  {
    auto log = EmbeddedLog::Open(OptionsFor(disk), clock);
    ASSERT_TRUE(log && (*log)->EnsureTopic("t", {.partitions = kPartitions}));
    disk.FailFrom(disk.operations() + operation, fault);
    for (int step = 1; step <= 20; ++step) {
      auto transaction = (*log)->Begin();
      Model next = acknowledged;
      Fill(**transaction, next, random, step);
      const auto committed = (*transaction)->Commit();
      if (failed) {
        EXPECT_FALSE(committed) << "a commit after a failed one";
      } else if (committed) {
        acknowledged = std::move(next);
      } else {
        in_flight = std::move(next);
        failed = true;
        EXPECT_EQ(committed.error().code(), Code::kDiskError);
        // Mended, but fsync is never retried.
        disk.FailFrom(0, SimulatedDisk::Fault::kNone);
      }
    }
  }
  EXPECT_TRUE(failed);
  EXPECT_EQ(CheckAfterCut(*disk.PowerCut(random), acknowledged, in_flight), "");
}

TEST(EmbeddedLogFaultTest, AFailedWriteOrSyncIsFinalAndLosesNothingAcknowledged) {
  for (std::uint64_t operation = 1; operation <= 12; ++operation) {
    RunWithFault(operation, SimulatedDisk::Fault::kIoError);
    RunWithFault(operation, SimulatedDisk::Fault::kNoSpace);
  }
}

}  // namespace
}  // namespace tocsin
