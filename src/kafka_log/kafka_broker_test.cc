#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "kafka_log/kafka_log.h"

// What the contract does not say of the log on a real broker: two processes at once. The broker is
// named as in kafka_contract_test.cc; without it no test is made.
namespace tocsin {
namespace {

using Entries = std::map<std::string, std::string>;

class KafkaBrokerTest : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<KafkaLog> Open(const std::string& instance, bool at_least_once = false) {
    KafkaOptions options;
    options.brokers = GetParam();
    options.app_id = prefix_;
    options.instance_id = prefix_ + "-" + instance;
    options.connect_timeout_us = 20'000'000;
    options.at_least_once = at_least_once;
    auto opened = KafkaLog::Open(options, clock_, {});
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }
  static Entries StateOf(Log& log, std::int32_t partition) {
    Entries entries;
    log.ReadState(
           "s", partition,
           [&](std::string_view key, std::string_view value) { entries.emplace(key, value); })
        .value();
    return entries;
  }
  static void Put(Log& log, std::int32_t partition, const std::string& key,
                  const std::string& value, bool replace = false) {
    const auto transaction = log.Begin().value();
    if (replace) transaction->ReplaceState("s", partition);
    transaction->PutState("s", partition, key, value);
    transaction->Commit().value();
  }

  const SystemClock clock_;
  const std::string prefix_ = "b" + std::to_string(SystemClock().WallUs());
};

// Slots 1000, 1004 and 1008 lie in the same one of four partitions.
TEST_P(KafkaBrokerTest, ProcessesThatWriteDifferentSlotsOfAPartitionLoseNothing) {
  const auto one = Open("one");
  const auto two = Open("two");
  EXPECT_TRUE(StateOf(*one, 1000).empty());
  EXPECT_TRUE(StateOf(*two, 1004).empty());
  Put(*one, 1000, "file", "1");
  Put(*two, 1004, "file", "2");
  Put(*one, 1000, "file", "3", true);
  Put(*one, 1000, "more", "4");
  Put(*two, 1004, "file", "5");
  Put(*two, 1008, "file", "6");
  Put(*one, 0, "numbered", "7");
  const auto three = Open("three");
  for (Log* const log : {one.get(), two.get(), three.get()}) {
    EXPECT_EQ(StateOf(*log, 1000), (Entries{{"file", "3"}, {"more", "4"}}));
    EXPECT_EQ(StateOf(*log, 1004), (Entries{{"file", "5"}}));
    EXPECT_EQ(StateOf(*log, 1008), (Entries{{"file", "6"}}));
    EXPECT_EQ(StateOf(*log, 0), (Entries{{"numbered", "7"}}));
  }
}

TEST_P(KafkaBrokerTest, AtLeastOnceGoesOnAfterOffsetsThatWereRefused) {
  const auto log = Open("at-least-once", true);
  ASSERT_TRUE(log->EnsureTopic(prefix_, {.partitions = 1}));
  const auto other = Open("member");
  auto member = other->Subscribe({.group = prefix_, .topic = prefix_, .whole = true}).value();
  while (!member->Poll(1, 100'000, {}).value().joined) {
  }
  const auto transaction = log->Begin().value();
  RecordBatchBuilder batch;
  batch.Append("key", "value");
  ASSERT_TRUE(transaction->Append({prefix_, 0}, batch));
  transaction->PutState("s", 0, "a", "1");
  transaction->CommitOffset(prefix_, {prefix_, 0}, 1);
  // Offsets of a group that somebody else reads by are refused.
  EXPECT_FALSE(transaction->Commit());
  member.reset();
  bool committed = false;
  for (int i = 0; i < 100 && !committed; ++i) {
    committed = transaction->Commit().has_value();
    if (!committed) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  EXPECT_TRUE(committed);
  EXPECT_EQ(StateOf(*log, 0), (Entries{{"a", "1"}}));
  EXPECT_EQ(log->CommittedOffset(prefix_, {prefix_, 0}).value(), 1);
  Put(*log, 0, "b", "2");
  EXPECT_EQ(StateOf(*log, 0), (Entries{{"a", "1"}, {"b", "2"}}));
}

TEST_P(KafkaBrokerTest, WhatAnEarlierProcessLeftOpenHoldsNobodyUp) {
  const auto earlier = Open("same");
  ASSERT_TRUE(earlier->EnsureTopic(prefix_, {.partitions = 1}));
  const auto append = [&](Log& log, const std::string& value) {
    auto transaction = log.Begin().value();
    RecordBatchBuilder batch;
    batch.Append("key", value);
    EXPECT_TRUE(transaction->Append({prefix_, 0}, batch));
    return transaction;
  };
  // One of each of its producers is open.
  const auto first = append(*earlier, "lost");
  const auto second = append(*earlier, "lost, too");
  std::this_thread::sleep_for(std::chrono::seconds(1));  // it sends meanwhile
  const auto later = Open("same");
  ASSERT_TRUE(later->EndEarlierTransactions(true));
  ASSERT_TRUE(append(*later, "kept")->Commit());
  // Long before the timeout of the transactions, which is a minute.
  const SystemClock clock;
  const std::int64_t give_up_us = clock.SteadyUs() + 10'000'000;
  std::vector<std::string> values;
  while (values.empty() && clock.SteadyUs() < give_up_us) {
    const auto batches = later->Fetch({prefix_, 0}, 0, 1 << 20).value();
    for (const auto& batch : batches) {
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        values.emplace_back(record.value);
      }
    }
  }
  EXPECT_EQ(values, std::vector<std::string>{"kept"});
  EXPECT_FALSE(first->Commit());
}

std::vector<std::string> Brokers() {
  const char* const brokers = std::getenv("TOCSIN_TEST_KAFKA");
  return brokers == nullptr ? std::vector<std::string>() : std::vector<std::string>{brokers};
}

INSTANTIATE_TEST_SUITE_P(, KafkaBrokerTest, testing::ValuesIn(Brokers()),
                         [](const auto&) { return "Kafka"; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(KafkaBrokerTest);

}  // namespace
}  // namespace tocsin
