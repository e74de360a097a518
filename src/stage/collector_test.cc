#include "stage/collector.h"

#include <gtest/gtest.h>

#include <map>

#include "base/clock.h"
#include "log_backends/memory_log.h"
#include "stage/test_log.h"

namespace tocsin {
namespace {

using test::Must;
using test::ReadValues;

class CollectorTest : public testing::Test {
 protected:
  CollectorTest() { Must(log_->EnsureTopic("out", {.partitions = 2})); }

  void Commit() {
    const auto transaction = Must(log_->Begin());
    Must(collector_.MoveInto(*transaction, "store"));
    Must(transaction->Commit());
  }
  std::map<std::string, std::string> State(std::int32_t partition) {
    std::map<std::string, std::string> state;
    Must(log_->ReadState("store", partition, [&](std::string_view key, std::string_view value) {
      state[std::string(key)] = value;
    }));
    return state;
  }

  ManualClock clock_{1'000'000};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
  Collector collector_;
};

TEST_F(CollectorTest, KeepsTheOrderOfEachPartition) {
  collector_.Output("out", 0).Append("k", "a");
  collector_.Output("out", 1).Append("k", "x");
  collector_.Output("out", 0).Append("k", "b");
  Commit();
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(ReadValues(*log_, "out", 1), (std::vector<std::string>{"x"}));
}

TEST_F(CollectorTest, IsEmptyAfterItsContentWasMoved) {
  collector_.Output("out", 0).Append("k", "a");
  collector_.PutState(0, "key", "value");
  Commit();
  EXPECT_EQ(collector_.bytes(), 0u);
  Commit();
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"a"}));
  EXPECT_EQ(State(0), (std::map<std::string, std::string>{{"key", "value"}}));
}

TEST_F(CollectorTest, StartsANewBatchWhenOneIsFull) {
  const std::string value(1000, 'v');
  for (int i = 0; i < 1000; ++i) {
    RecordBatchBuilder& batch = collector_.Output("out", 0);
    ASSERT_FALSE(batch.full());
    batch.Append("k", value);
  }
  EXPECT_GT(collector_.bytes(), 1'000'000u);
  Commit();
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), 1000u);
  EXPECT_GE(Must(log_->Fetch({"out", 0}, 0, 10 << 20)).size(), 3u);
}

TEST_F(CollectorTest, ReplacedStateHoldsOnlyWhatWasPutWithIt) {
  collector_.PutState(0, "old", "1");
  collector_.PutState(1, "other", "1");
  Commit();
  collector_.ReplaceState(0);
  collector_.PutState(0, "new", "2");
  Commit();
  EXPECT_EQ(State(0), (std::map<std::string, std::string>{{"new", "2"}}));
  EXPECT_EQ(State(1), (std::map<std::string, std::string>{{"other", "1"}}));
}

TEST_F(CollectorTest, ASnapshotIsWantedUntilTheCommit) {
  EXPECT_FALSE(collector_.wants_snapshot(0));
  collector_.RequestSnapshot(0);
  EXPECT_TRUE(collector_.wants_snapshot(0));
  EXPECT_FALSE(collector_.wants_snapshot(1));
  Commit();
  EXPECT_FALSE(collector_.wants_snapshot(0));
}

}  // namespace
}  // namespace tocsin
