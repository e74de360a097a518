#include "stage/runner.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include "log_backends/memory_log.h"
#include "stage/test_log.h"

namespace tocsin {
namespace {

using test::AppendValues;
using test::Must;
using test::ReadValues;

// Copies each record with its number in its partition; the number is keyed state.
class NumberingStage final : public Stage {
 public:
  std::string_view name() const override { return "numbering"; }
  Status Restore(std::int32_t partition, const StateReader& read_state) override {
    counts_[partition] = 0;
    return read_state([&](std::string_view, std::string_view value) {
      counts_[partition] = std::stoi(std::string(value.substr(0, value.find(' '))));
    });
  }
  void Drop(std::int32_t partition) override { counts_.erase(partition); }
  Status Process(const PolledBatch& polled, Collector& collector) override {
    if (on_process) on_process();
    RecordBatch::Cursor cursor(*polled.batch);
    cursor.Skip(polled.first);
    Record record;
    for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) {
      const int number = ++counts_.at(polled.partition.partition);
      collector.Output("out", polled.partition.partition)
          .Append("k", std::to_string(number) + ":" + std::string(record.value));
    }
    return {};
  }
  Status Flush(Collector& collector) override {
    for (const auto& [partition, count] : counts_) {
      if (collector.wants_snapshot(partition)) {
        ++snapshots;
        collector.ReplaceState(partition);
      }
      collector.PutState(partition, "count",
                         std::to_string(count) + " " + std::string(state_padding, 'p'));
    }
    return {};
  }
  Status Quarantine(const PolledBatch&, std::string_view, Collector&) override { return {}; }

  std::function<void()> on_process;
  std::size_t state_padding = 0;
  int snapshots = 0;

 private:
  std::map<std::int32_t, int> counts_;
};

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    Must(log_->EnsureTopic("in", {.partitions = 2}));
    Must(log_->EnsureTopic("out", {.partitions = 2}));
  }
  Status Run(NumberingStage& stage, std::stop_token stop = {}) {
    Runner runner(*log_, stage, clock_, options_);
    const Status status = runner.Run(std::move(stop));
    progress_ = runner.progress();
    return status;
  }
  Status RunNew() {
    NumberingStage stage;
    return Run(stage);
  }

  ManualClock clock_{1'000'000};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
  RunnerOptions options_ = [] {
    RunnerOptions options;
    options.group = "g";
    options.topic = "in";
    options.poll_timeout_us = 1000;
    options.until_caught_up = true;
    return options;
  }();
  Runner::Progress progress_;
};

TEST_F(RunnerTest, CommitsOutputsStateAndOffsetsTogether) {
  AppendValues(*log_, "in", 0, {"a", "b"});
  AppendValues(*log_, "in", 1, {"x"});
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a", "2:b"}));
  EXPECT_EQ(ReadValues(*log_, "out", 1), (std::vector<std::string>{"1:x"}));
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 0})), 2);
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 1})), 1);
  EXPECT_EQ(progress_.records, 3u);
  EXPECT_EQ(progress_.commits, 1u);
}

TEST_F(RunnerTest, ARestartGoesOnWithTheStateOfTheLastCommit) {
  AppendValues(*log_, "in", 0, {"a", "b"});
  ASSERT_TRUE(RunNew());
  AppendValues(*log_, "in", 0, {"c"});
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a", "2:b", "3:c"}));
}

TEST_F(RunnerTest, ATransactionHoldsAtMostMaxRecords) {
  AppendValues(*log_, "in", 0, {"a", "b", "c", "d", "e"});
  options_.max_records = 2;
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(progress_.commits, 3u);
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), 5u);
}

TEST_F(RunnerTest, RecordsThatComeOneByOneShareACommit) {
  // In real time: the pause ends a wait for records.
  const SystemClock clock;
  options_.commit_interval_us = 10'000'000;
  options_.commit_pause_us = 30'000;
  options_.until_caught_up = false;
  NumberingStage stage;
  Runner runner(*log_, stage, clock, options_);
  std::jthread thread([&](const std::stop_token& stop) { EXPECT_TRUE(runner.Run(stop)); });
  constexpr std::uint64_t kRecords = 100;
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    AppendValues(*log_, "in", 0, {"a"});
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  while (runner.progress().records < kRecords) std::this_thread::yield();
  thread.request_stop();
  thread.join();
  EXPECT_LT(runner.progress().commits, kRecords / 2);
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), kRecords);
}

TEST_F(RunnerTest, LargeOutputsEndTheTransactionEarly) {
  for (int i = 0; i < 4; ++i) AppendValues(*log_, "in", 0, {"a"});
  options_.commit_bytes = 1;
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(progress_.commits, 4u);
}

TEST_F(RunnerTest, ARefusedCommitIsTriedAgainWithTheSameContent) {
  for (const Code code : {Code::kUnavailable, Code::kResourceExhausted}) {
    AppendValues(*log_, "in", 0, {"a", "b"});
    log_->FailCommits(2, code);
    ASSERT_TRUE(RunNew());
  }
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a", "2:b", "3:a", "4:b"}));
}

TEST_F(RunnerTest, AFetchThatFailsForNowIsTriedAgain) {
  AppendValues(*log_, "in", 0, {"a"});
  log_->FailFetches(2, Code::kUnavailable);
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a"}));
}

TEST_F(RunnerTest, ALagThatCannotBeMeasuredForNowIsAskedForAgain) {
  AppendValues(*log_, "in", 0, {"a"});
  NumberingStage stage;
  // The place is found by then: what asks next is the lag.
  stage.on_process = [&] { log_->FailOffsets(2, Code::kUnavailable); };
  ASSERT_TRUE(Run(stage));
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a"}));
  EXPECT_EQ(progress_.lag, 0);
}

TEST_F(RunnerTest, StopEndsTheRetriesAndLeavesNoTrace) {
  AppendValues(*log_, "in", 0, {"a"});
  log_->FailCommits(1'000'000, Code::kUnavailable);
  NumberingStage stage;
  std::stop_source stop;
  stage.on_process = [&] { stop.request_stop(); };
  const Status stopped = Run(stage, stop.get_token());
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kUnavailable);
  log_->FailCommits(0, Code::kUnavailable);
  EXPECT_TRUE(ReadValues(*log_, "out", 0).empty());
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"1:a"}));
}

TEST_F(RunnerTest, ADiskErrorEndsTheRunAtOnce) {
  AppendValues(*log_, "in", 0, {"a"});
  log_->FailCommits(1, Code::kDiskError);
  const Status failed = RunNew();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kDiskError);
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 0})), std::nullopt);
}

TEST_F(RunnerTest, StopFinishesAndCommitsTheBatchInHand) {
  AppendValues(*log_, "in", 0, {"a", "b"});
  AppendValues(*log_, "in", 1, {"x"});
  options_.until_caught_up = false;
  NumberingStage stage;
  std::stop_source stop;
  stage.on_process = [&] { stop.request_stop(); };
  ASSERT_TRUE(Run(stage, stop.get_token()));
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 0})), 2);
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), 2u);
}

TEST_F(RunnerTest, UntilCaughtUpMeansTheEndOfTheLogAtTheStart) {
  AppendValues(*log_, "in", 0, {"a"});
  NumberingStage stage;
  stage.on_process = [&] { AppendValues(*log_, "in", 0, {"more"}); };
  ASSERT_TRUE(Run(stage));
  EXPECT_GE(ReadValues(*log_, "out", 0).size(), 1u);
  EXPECT_LT(ReadValues(*log_, "out", 0).size(), ReadValues(*log_, "in", 0).size());
}

TEST_F(RunnerTest, UntilCaughtUpOnAnEmptyLogEndsAtOnce) {
  ASSERT_TRUE(RunNew());
}

TEST_F(RunnerTest, UntilCaughtUpEndsWhenWhatWasUnreadIsGone) {
  AppendValues(*log_, "in", 0, {"a"});
  ASSERT_TRUE(RunNew());
  AppendValues(*log_, "in", 0, {"b"});
  log_->RemoveBefore({"in", 0}, 2);
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), 1u);
}

TEST_F(RunnerTest, AsksForASnapshotWhenTheDeltasAreLong) {
  NumberingStage stage;
  stage.state_padding = 300'000;
  options_.max_records = 1;
  AppendValues(*log_, "in", 0, std::vector<std::string>(12, "a"));
  ASSERT_TRUE(Run(stage));
  EXPECT_GE(stage.snapshots, 2);
  EXPECT_LT(stage.snapshots, 6);
  AppendValues(*log_, "in", 0, {"z"});
  ASSERT_TRUE(RunNew());
  EXPECT_EQ(ReadValues(*log_, "out", 0).back(), "13:z");
}

TEST_F(RunnerTest, AGroupThatStartsFromLatestSkipsWhatWasThere) {
  AppendValues(*log_, "in", 0, {"old"});
  options_.from_latest = true;
  ASSERT_TRUE(RunNew());
  EXPECT_TRUE(ReadValues(*log_, "out", 0).empty());
}

#ifdef TOCSIN_TEST_SWITCHES

// The switches are read once, so each of these runs in a process of its own.
class RunnerSwitchTest : public RunnerTest {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
  void TearDown() override { ::unsetenv("TOCSIN_TEST_SWITCH"); }
  // Exits with the number of outputs of four records in two runs.
  void CountOutputsAndExit() {
    AppendValues(*log_, "in", 0, {"a", "b"});
    Must(RunNew());
    AppendValues(*log_, "in", 0, {"c", "d"});
    Must(RunNew());
    std::exit(static_cast<int>(ReadValues(*log_, "out", 0).size()));
  }
};

TEST_F(RunnerSwitchTest, OffsetOffByOneRepeatsARecord) {
  ::setenv("TOCSIN_TEST_SWITCH", "offset_off_by_one", 1);
  EXPECT_EXIT(CountOutputsAndExit(), testing::ExitedWithCode(5), "");
}

TEST_F(RunnerSwitchTest, WithoutASwitchNothingIsRepeated) {
  ::setenv("TOCSIN_TEST_SWITCH", "", 1);
  EXPECT_EXIT(CountOutputsAndExit(), testing::ExitedWithCode(4), "");
}

TEST_F(RunnerSwitchTest, OffsetSkipOneLosesARecordWhenMoreIsThere) {
  ::setenv("TOCSIN_TEST_SWITCH", "offset_skip_one", 1);
  EXPECT_EXIT(
      {
        AppendValues(*log_, "in", 0, {"a", "b", "c", "d"});
        options_.max_records = 2;
        options_.until_caught_up = false;
        NumberingStage stage;
        std::stop_source stop;
        stage.on_process = [&] { stop.request_stop(); };
        Must(Run(stage, stop.get_token()));
        options_.until_caught_up = true;
        Must(RunNew());
        std::exit(static_cast<int>(ReadValues(*log_, "out", 0).size()));
      },
      testing::ExitedWithCode(3), "");
}

#endif

}  // namespace
}  // namespace tocsin
