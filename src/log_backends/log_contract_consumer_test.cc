#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "log_backends/log_contract.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLongWaitUs = 60'000'000;
constexpr std::int64_t kMomentUs = 500'000;
constexpr int kEmptyPolls = 12;
constexpr int kJoinPolls = 40;
using Entries = std::map<std::string, std::string>;
using Strings = std::vector<std::string>;

class LogContractConcurrencyTest : public testing::TestWithParam<ContractBackend>, public LogUser {
 protected:
  LogContractConcurrencyTest() : LogUser(GetParam().make()) {}
};

// --- Waiting -----------------------------------------------------------------------------------

TEST_P(LogContractConcurrencyTest, TheAppendCountGrowsWithAppendsOnly) {
  const std::uint64_t before = log().AppendCount();
  AppendValues(p0, {"a"});
  const std::uint64_t after = log().AppendCount();
  EXPECT_GT(after, before);
  const auto transaction = Begin();
  transaction->CommitOffset("g", p0, 1);
  transaction->PutState("s", 0, "k", "v");
  Commit(*transaction);
  EXPECT_EQ(log().AppendCount(), after);
}

TEST_P(LogContractConcurrencyTest, WaitingEndsAtOnceWhenTheNumberHasMovedOn) {
  const std::uint64_t seen = log().AppendCount();
  AppendValues(p0, {"a"});
  EXPECT_GT(log().WaitForAppend(seen, kLongWaitUs, {}), seen);
}

TEST_P(LogContractConcurrencyTest, WaitingEndsWithTheTimeout) {
  const std::uint64_t seen = log().AppendCount();
  EXPECT_EQ(log().WaitForAppend(seen, 0, {}), seen);
  EXPECT_EQ(log().WaitForAppend(seen, 2000, {}), seen);
}

TEST_P(LogContractConcurrencyTest, WaitingEndsWithAnAppendOfAnotherThread) {
  const SystemClock system_clock;
  const std::int64_t start_us = system_clock.SteadyUs();
  const std::uint64_t seen = log().AppendCount();
  const std::jthread other([&] { AppendValues(p0, {"a"}); });
  EXPECT_GT(log().WaitForAppend(seen, kLongWaitUs, {}), seen);
  EXPECT_LT(system_clock.SteadyUs() - start_us, kLongWaitUs / 2);
}

TEST_P(LogContractConcurrencyTest, WaitingEndsWithAStopRequest) {
  const SystemClock system_clock;
  const std::int64_t start_us = system_clock.SteadyUs();
  std::stop_source stop;
  const std::jthread other([&] { stop.request_stop(); });
  EXPECT_EQ(log().WaitForAppend(log().AppendCount(), kLongWaitUs, stop.get_token()),
            log().AppendCount());
  EXPECT_LT(system_clock.SteadyUs() - start_us, kLongWaitUs / 2);
}

// --- Several threads ---------------------------------------------------------------------------

TEST_P(LogContractConcurrencyTest, ConcurrentCommittersGetContiguousOffsetsAndEveryRecordOnce) {
  constexpr int kThreads = 4;
  constexpr int kCommits = 25;
  std::vector<std::vector<std::pair<AppendedRange, std::string>>> told(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kCommits; ++i) {
          const std::string id = std::to_string(t) + "/" + std::to_string(i);
          const auto transaction = Begin();
          Add(*transaction, p0, {id + "a", id + "b"});
          Add(*transaction, p1, {id});
          Add(*transaction, p0, {id + "c"});
          const auto ranges = Commit(*transaction);
          ASSERT_EQ(ranges.size(), 3u);
          if (on_one_machine()) {
            EXPECT_EQ(ranges[2].base_offset, ranges[0].base_offset + 2);
          }
          told[static_cast<std::size_t>(t)].emplace_back(ranges[0], id + "a");
          told[static_cast<std::size_t>(t)].emplace_back(ranges[1], id);
          told[static_cast<std::size_t>(t)].emplace_back(ranges[2], id + "c");
        }
      });
    }
  }
  Reopen();
  const std::map<TopicPartition, Strings> values = {{p0, Values(p0)}, {p1, Values(p1)}};
  EXPECT_EQ(values.at(p0).size(), std::size_t{3 * kThreads * kCommits});
  EXPECT_EQ(values.at(p1).size(), std::size_t{kThreads * kCommits});
  std::set<std::string> distinct;
  for (const auto& [partition, list] : values) distinct.insert(list.begin(), list.end());
  EXPECT_EQ(distinct.size(), std::size_t{4 * kThreads * kCommits});
  for (const auto& thread : told) {
    for (const auto& [range, value] : thread) {
      EXPECT_EQ(ValuesFrom(range.partition, range.base_offset).at(0), value);
    }
  }
}

TEST_P(LogContractConcurrencyTest, ReadersNeverSeeAPartOfATransaction) {
  if (!on_one_machine()) {
    GTEST_SKIP() << "a cluster shows a transaction partition by partition";
  }
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; i < 60; ++i) {
      const auto transaction = Begin();
      Add(*transaction, p0, {"a"});
      Add(*transaction, p1, {"a"});
      transaction->CommitOffset("g", p0, i + 1);
      transaction->PutState("s", 0, "n", std::to_string(i + 1));
      Commit(*transaction);
    }
    done = true;
  });
  while (!done) {
    // What is read later must hold at least what was read before.
    const std::int64_t second = OffsetsOf(p1).latest;
    const std::int64_t first = OffsetsOf(p0).latest;
    const std::int64_t offset = Committed("g", p0).value_or(0);
    const Entries state = StateOf("s", 0);
    const std::int64_t number = state.empty() ? 0 : std::stoll(state.at("n"));
    const std::int64_t second_again = OffsetsOf(p1).latest;
    EXPECT_LE(second, first);
    EXPECT_LE(first, offset);
    EXPECT_LE(offset, number);
    EXPECT_LE(number, second_again);
  }
  writer.join();
  EXPECT_EQ(Values(p0).size(), 60u);
}

// --- Consumers ---------------------------------------------------------------------------------

class LogContractConsumerTest : public LogContractConcurrencyTest {
 protected:
  std::unique_ptr<Consumer> Subscribe(const std::string& group, bool from_latest = false) {
    auto consumer = log().Subscribe({.group = group, .topic = "t", .from_latest = from_latest});
    EXPECT_TRUE(consumer) << consumer.error().message();
    return consumer ? std::move(*consumer) : nullptr;
  }

  PollResult Poll(Consumer& consumer, std::size_t max_records, std::int64_t timeout_us = 0) {
    // A cluster answers when it has: what comes within a moment counts as being there.
    if (!on_one_machine()) timeout_us = std::max(timeout_us, kMomentUs);
    auto result = consumer.Poll(max_records, timeout_us, {});
    EXPECT_TRUE(result) << result.error().message();
    return result.value_or(PollResult());
  }

  // Polls until `count` records are there or no more come.
  Strings PollValues(Consumer& consumer, std::size_t count) {
    Strings values;
    for (int empty = 0; values.size() < count && empty < kEmptyPolls;) {
      const Strings more = ValuesOf(Poll(consumer, count - values.size()));
      values.insert(values.end(), more.begin(), more.end());
      empty = more.empty() ? empty + 1 : 0;
    }
    return values;
  }

  // Waits until the consumer has its partitions; true when it got all four.
  bool Join(Consumer& consumer) {
    std::set<std::int32_t> assigned;
    for (int i = 0; i < kJoinPolls && assigned.size() < 4; ++i) {
      const PollResult polled = Poll(consumer, 1);
      EXPECT_TRUE(polled.batches.empty());
      assigned.insert(polled.assigned.begin(), polled.assigned.end());
    }
    return assigned.size() == 4;
  }

  static Strings ValuesOf(const PollResult& result) {
    Strings values;
    for (const PolledBatch& polled : result.batches) {
      EXPECT_GT(polled.count, 0u);
      RecordBatch::Cursor cursor(*polled.batch);
      cursor.Skip(polled.first);
      Record record;
      for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
        values.emplace_back(record.value);
      }
    }
    return values;
  }
};

TEST_P(LogContractConsumerTest, TheOnlyMemberGetsEveryPartitionOnce) {
  const auto consumer = Subscribe("g");
  EXPECT_TRUE(Join(*consumer));
  const PollResult next = Poll(*consumer, 10);
  EXPECT_TRUE(next.joined);
  EXPECT_TRUE(next.assigned.empty());
  EXPECT_TRUE(next.revoked.empty());
}

TEST_P(LogContractConsumerTest, AnUnknownTopicIsRefused) {
  EXPECT_EQ(CodeOf(log().Subscribe({.group = "g", .topic = "missing"})), CodeName(Code::kNotFound));
}

TEST_P(LogContractConsumerTest, ANewGroupStartsWhereItWasToldTo) {
  AppendValues(p0, {"old"});
  const auto earliest = Subscribe("e");
  const auto latest = Subscribe("l", true);
  ASSERT_TRUE(Join(*latest));
  AppendValues(p0, {"new"});
  EXPECT_EQ(PollValues(*earliest, 2), (Strings{"old", "new"}));
  EXPECT_EQ(PollValues(*latest, 1), Strings{"new"});
}

TEST_P(LogContractConsumerTest, AGroupThatBeganAtTheEndMissesNothingAfterwards) {
  AppendValues(p0, {"old"});
  {
    const auto latest = Subscribe("l", true);
    ASSERT_TRUE(Join(*latest));
  }
  AppendValues(p0, {"while away"});
  EXPECT_EQ(PollValues(*Subscribe("l", true), 1), Strings{"while away"});
}

TEST_P(LogContractConsumerTest, AGroupGoesOnAtItsCommittedOffset) {
  const std::int64_t first = AppendValues(p0, {"a", "b", "c"})[0].base_offset;
  const auto transaction = Begin();
  transaction->CommitOffset("g", p0, first + 2);
  Commit(*transaction);
  Reopen();
  EXPECT_EQ(PollValues(*Subscribe("g"), 1), Strings{"c"});
  EXPECT_EQ(PollValues(*Subscribe("g", true), 1), Strings{"c"});
  EXPECT_EQ(PollValues(*Subscribe("other"), 3), (Strings{"a", "b", "c"}));
}

TEST_P(LogContractConsumerTest, AConsumerCommitsWhatItReadWithItsOutputs) {
  AppendValues(p0, {"a", "b"});
  auto consumer = Subscribe("g");
  ASSERT_EQ(PollValues(*consumer, 2), (Strings{"a", "b"}));
  const std::int64_t next = OffsetsOf(p0).earliest + 2;
  const auto transaction = Begin();
  Add(*transaction, p1, {"out"});
  transaction->CommitOffset("g", p0, next);
  transaction->PutState("s", 0, "k", "v");
  Commit(*transaction);
  EXPECT_EQ(Committed("g", p0), next);
  EXPECT_EQ(Values(p1), Strings{"out"});
  EXPECT_EQ(StateOf("s", 0), (Entries{{"k", "v"}}));
}

TEST_P(LogContractConsumerTest, RewindingGivesAgainWhatIsNotCommitted) {
  AppendValues(p0, {"a", "b", "c"});
  const auto consumer = Subscribe("g");
  ASSERT_EQ(PollValues(*consumer, 3).size(), 3u);
  const auto transaction = Begin();
  transaction->CommitOffset("g", p0, OffsetsOf(p0).earliest + 1);
  Commit(*transaction);
  ASSERT_TRUE(consumer->Rewind());
  const PollResult again = Poll(*consumer, 10);
  EXPECT_EQ(again.revoked, (std::vector<std::int32_t>{0, 1, 2, 3}));
  EXPECT_EQ(again.assigned, again.revoked);
  Strings values = ValuesOf(again);
  for (std::string& value : PollValues(*consumer, 2 - values.size())) values.push_back(value);
  EXPECT_EQ(values, (Strings{"b", "c"}));
}

TEST_P(LogContractConsumerTest, PollSplitsBatchesAtMaxRecordsAndGoesOnBehind) {
  AppendValues(p0, {"a", "b", "c", "d", "e"});
  const auto consumer = Subscribe("g");
  EXPECT_EQ(PollValues(*consumer, 2), (Strings{"a", "b"}));
  EXPECT_EQ(PollValues(*consumer, 2), (Strings{"c", "d"}));
  EXPECT_GE(consumer->Lag().value_or(-1), 1);
  if (on_one_machine()) {
    EXPECT_EQ(consumer->Lag().value_or(-1), 1);
  }
  EXPECT_EQ(PollValues(*consumer, 2), Strings{"e"});
  EXPECT_EQ(consumer->Lag().value_or(-1), 0);
}

TEST_P(LogContractConsumerTest, PollOfOneMachineGivesPartsOfItsBatches) {
  if (!on_one_machine()) {
    GTEST_SKIP() << "a cluster's batches are made for each poll";
  }
  AppendValues(p0, {"a", "b", "c", "d", "e"});
  const auto consumer = Subscribe("g");
  EXPECT_EQ(PollValues(*consumer, 2), (Strings{"a", "b"}));
  const PollResult second = Poll(*consumer, 2);
  ASSERT_EQ(second.batches.size(), 1u);
  EXPECT_EQ(second.batches[0].first, 2u);
  EXPECT_EQ(second.batches[0].count, 2u);
  EXPECT_EQ(second.batches[0].partition, p0);
  EXPECT_EQ(ValuesOf(second), (Strings{"c", "d"}));
}

TEST_P(LogContractConsumerTest, NoPartitionStarves) {
  if (!on_one_machine()) {
    GTEST_SKIP() << "the broker's own turns decide";
  }
  for (int i = 0; i < 50; ++i) AppendValues(p0, {"a", "a", "a", "a"});
  AppendValues(p1, {"b"});
  AppendValues({"t", 3}, {"c"});
  const auto consumer = Subscribe("g");
  std::set<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    for (const std::string& value : ValuesOf(Poll(*consumer, 4))) seen.insert(value);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a", "b", "c"}));
}

TEST_P(LogContractConsumerTest, EveryRecordIsPolledOnceInTheOrderOfItsPartition) {
  const int appends = on_one_machine() ? 200 : 40;
  for (int i = 0; i < appends; ++i) {
    AppendValues({"t", i % 4}, {std::to_string(i), std::to_string(i) + "'"});
  }
  const auto consumer = Subscribe("g");
  std::map<TopicPartition, Strings> polled;
  for (std::size_t all = 0, empty = 0; empty < 10;) {
    const PollResult result = Poll(*consumer, 7);
    std::size_t records = 0;
    for (const PolledBatch& batch : result.batches) {
      const PollResult one{.revoked = {}, .assigned = {}, .batches = {batch}};
      for (std::string& value : ValuesOf(one)) polled[batch.partition].push_back(std::move(value));
      records += batch.count;
    }
    EXPECT_LE(records, 7u);
    all += records;
    if (records > 0) continue;
    if (all > 0) break;
    ++empty;
  }
  for (int partition = 0; partition < 4; ++partition) {
    const TopicPartition p{"t", partition};
    EXPECT_EQ(polled[p], Values(p));
    EXPECT_EQ(polled[p].size(), static_cast<std::size_t>(appends / 2));
  }
}

TEST_P(LogContractConsumerTest, PollWaitsForRecordsOfAnotherThread) {
  const auto consumer = Subscribe("g");
  ASSERT_TRUE(Join(*consumer));
  const std::jthread other([&] { AppendValues({"t", 2}, {"a"}); });
  EXPECT_EQ(ValuesOf(Poll(*consumer, 10, kLongWaitUs)), Strings{"a"});
}

TEST_P(LogContractConsumerTest, PollEndsEmptyWithTheTimeoutOrAStopRequest) {
  const SystemClock system_clock;
  const auto consumer = Subscribe("g");
  ASSERT_TRUE(Join(*consumer));
  EXPECT_TRUE(Poll(*consumer, 10, 2000).batches.empty());
  std::stop_source stop;
  const std::int64_t start_us = system_clock.SteadyUs();
  const std::jthread other([&] { stop.request_stop(); });
  const auto stopped = consumer->Poll(10, kLongWaitUs, stop.get_token());
  ASSERT_TRUE(stopped);
  EXPECT_TRUE(stopped->batches.empty());
  EXPECT_LT(system_clock.SteadyUs() - start_us, kLongWaitUs / 2);
}

std::string NameOf(const testing::TestParamInfo<ContractBackend>& info) {
  return info.param.name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogContractConcurrencyTest);
INSTANTIATE_TEST_SUITE_P(Backend, LogContractConcurrencyTest, testing::ValuesIn(ContractBackends()),
                         NameOf);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LogContractConsumerTest);
INSTANTIATE_TEST_SUITE_P(Backend, LogContractConsumerTest, testing::ValuesIn(ContractBackends()),
                         NameOf);

}  // namespace
}  // namespace tocsin
