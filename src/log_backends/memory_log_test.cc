#include "log_backends/memory_log.h"

#include <gtest/gtest.h>

#include "log_backends/log_contract.h"

namespace tocsin {
namespace {

class MemoryLogTest : public testing::Test {
 protected:
  MemoryLogTest() { EXPECT_TRUE(log_->EnsureTopic("t", {.partitions = 2})); }

  Result<std::vector<AppendedRange>> Append(const std::string& value, int records = 1) {
    RecordBatchBuilder builder;
    for (int i = 0; i < records; ++i) builder.Append("k", value);
    auto transaction = log_->Begin().value();
    transaction->CommitOffset("g", {"other", 0}, 9);
    transaction->PutState("s", 0, "k", value);
    TOCSIN_TRY(transaction->Append(p0, builder));
    return transaction->Commit();
  }

  std::unique_ptr<Consumer> Subscribe() {
    return log_->Subscribe({.group = "g", .topic = "t"}).value();
  }
  static PollResult Poll(Consumer& consumer, std::size_t max_records = 100) {
    return consumer.Poll(max_records, 0, {}).value();
  }

  const TopicPartition p0{"t", 0};
  const TopicPartition p1{"t", 1};
  ManualClock clock_;
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
};

TEST_F(MemoryLogTest, AFailedCommitLeavesNoTrace) {
  log_->FailCommits(2, Code::kDiskError);
  EXPECT_EQ(CodeOf(Append("a")), "disk_error");
  EXPECT_EQ(CodeOf(Append("b")), "disk_error");
  EXPECT_EQ(log_->Offsets(p0)->latest, 0);
  EXPECT_EQ(log_->CommittedOffset("g", {"other", 0}).value(), std::nullopt);
  EXPECT_EQ(log_->SizeOfState("s", 0)->delta_bytes, 0u);
  EXPECT_EQ(log_->AppendCount(), 0u);
  EXPECT_EQ(CodeOf(Append("c")), "ok");
}

TEST_F(MemoryLogTest, ARefusedCommitCanBeTriedAgainWithTheSameContent) {
  RecordBatchBuilder batch;
  batch.Append("k", "a");
  auto transaction = log_->Begin();
  ASSERT_TRUE(transaction);
  ASSERT_TRUE((*transaction)->Append(p0, batch));
  log_->FailCommits(1, Code::kUnavailable);
  EXPECT_EQ(CodeOf((*transaction)->Commit()), "unavailable");
  EXPECT_EQ(log_->Offsets(p0)->latest, 0);
  EXPECT_EQ(CodeOf((*transaction)->Commit()), "ok");
  EXPECT_EQ(log_->Offsets(p0)->latest, 1);
  EXPECT_EQ(CodeOf((*transaction)->Commit()), "failed_precondition");
}

TEST_F(MemoryLogTest, FailsTheNextFetchesOnly) {
  ASSERT_TRUE(Append("a"));
  log_->FailFetches(1, Code::kUnavailable);
  EXPECT_EQ(CodeOf(log_->Fetch(p0, 0, 1)), "unavailable");
  EXPECT_EQ(CodeOf(log_->Fetch(p0, 0, 1)), "ok");
}

TEST_F(MemoryLogTest, RemovesWholeBatchesFromTheStart) {
  ASSERT_TRUE(Append("a", 3));
  ASSERT_TRUE(Append("b", 3));
  log_->RemoveBefore(p0, 5);
  EXPECT_EQ(log_->Offsets(p0)->earliest, 3);
  EXPECT_EQ(CodeOf(log_->Fetch(p0, 2, 1)), "invalid_argument");
  EXPECT_EQ(CodeOf(log_->Fetch(p0, 3, 1)), "ok");
  log_->RemoveBefore(p0, 6);
  EXPECT_EQ(log_->Offsets(p0)->earliest, 6);
  EXPECT_EQ(log_->Offsets(p0)->bytes, 0);
}

TEST(DirectConsumerTest, NeedsATopic) {
  const ManualClock clock;
  const auto log = MemoryLog::Make(clock);
  EXPECT_EQ(CodeOf(log->Subscribe({.group = "g", .topic = "missing"})), "not_found");
}

TEST_F(MemoryLogTest, AConsumerGoesOnAtTheStartWhenItsPositionWasRemoved) {
  ASSERT_TRUE(Append("a", 3));
  const auto consumer = Subscribe();
  EXPECT_EQ(Poll(*consumer, 1).batches.at(0).first, 0u);
  ASSERT_TRUE(Append("b", 3));
  ASSERT_TRUE(Append("c", 3));
  // Two of the three are in the consumer's hands already; the rest is gone from the log.
  EXPECT_EQ(Poll(*consumer, 2).batches.at(0).count, 2u);
  log_->RemoveBefore(p0, 6);
  EXPECT_EQ(consumer->Lag().value(), 3);
  const PollResult rest = Poll(*consumer);
  ASSERT_EQ(rest.batches.size(), 1u);
  EXPECT_EQ(rest.batches[0].batch->base_offset(), 6);
  EXPECT_EQ(rest.batches[0].count, 3u);
  EXPECT_EQ(consumer->Lag().value(), 0);
}

TEST_F(MemoryLogTest, AConsumerOfACommittedOffsetBeforeTheStartBeginsAtTheStart) {
  ASSERT_TRUE(Append("a", 3));
  ASSERT_TRUE(Append("b", 3));
  const auto transaction = log_->Begin().value();
  transaction->CommitOffset("g", p0, 1);
  ASSERT_TRUE(transaction->Commit());
  log_->RemoveBefore(p0, 3);
  const PollResult polled = Poll(*Subscribe());
  ASSERT_EQ(polled.batches.size(), 1u);
  EXPECT_EQ(polled.batches[0].batch->base_offset(), 3);
  EXPECT_EQ(polled.batches[0].first, 0u);
}

TEST_F(MemoryLogTest, AConsumerAheadOfTheLogIsDataLoss) {
  ASSERT_TRUE(Append("a"));
  const auto transaction = log_->Begin().value();
  transaction->CommitOffset("g", p0, 7);
  ASSERT_TRUE(transaction->Commit());
  EXPECT_EQ(CodeOf(Subscribe()->Poll(10, 0, {})), "data_loss");
}

TEST_F(MemoryLogTest, AConsumerLosesNothingWhenAFetchFails) {
  ASSERT_TRUE(Append("a", 3));
  const auto consumer = Subscribe();
  log_->FailFetches(1, Code::kUnavailable);
  EXPECT_EQ(CodeOf(consumer->Poll(10, 0, {})), "unavailable");
  const PollResult polled = Poll(*consumer);
  EXPECT_EQ(polled.assigned.size(), 2u);
  ASSERT_EQ(polled.batches.size(), 1u);
  EXPECT_EQ(polled.batches[0].count, 3u);
}

TEST_F(MemoryLogTest, AConsumerPassesOnWhatItHasWhenALaterFetchFails) {
  ASSERT_TRUE(Append("a", 3));
  RecordBatchBuilder builder;
  for (int i = 0; i < 3; ++i) builder.Append("k", "b");
  const auto transaction = log_->Begin().value();
  ASSERT_TRUE(transaction->Append(p1, builder));
  ASSERT_TRUE(transaction->Commit());
  const auto consumer = Subscribe();
  EXPECT_EQ(Poll(*consumer, 2).batches.at(0).partition, p0);
  EXPECT_EQ(Poll(*consumer, 1).batches.at(0).partition, p1);
  EXPECT_EQ(Poll(*consumer, 1).batches.at(0).partition, p0);
  // Two records of partition 1 are in hand; the fetch of partition 0 that follows them fails.
  log_->FailFetches(1, Code::kUnavailable);
  const PollResult polled = Poll(*consumer);
  ASSERT_EQ(polled.batches.size(), 1u);
  EXPECT_EQ(polled.batches[0].partition, p1);
  EXPECT_EQ(polled.batches[0].count, 2u);
}

}  // namespace
}  // namespace tocsin
