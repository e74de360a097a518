#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "log_backends/memory_log.h"
#include "stage/runner.h"
#include "stage/test_log.h"

namespace tocsin {
namespace {

using test::AppendValues;
using test::Must;
using test::ReadValues;

// Writes one record for each tick that `due` asks for.
class TickingStage final : public Stage {
 public:
  std::string_view name() const override { return "ticking"; }
  Status Restore(std::int32_t, const StateReader&) override { return {}; }
  void Drop(std::int32_t) override {}
  Status Process(const PolledBatch& polled, Collector&) override {
    read += polled.count;
    return {};
  }
  Status Flush(Collector& collector) override {
    collector.PutState(0, "ticks", std::to_string(written));
    return {};
  }
  Status Quarantine(const PolledBatch&, std::string_view, Collector&) override { return {}; }
  Result<TickResult> Tick(const Now& now, Collector& collector) override {
    ++ticks;
    last = now;
    if (due && due()) {
      collector.Output("out", 0).Append("k", "tick " + std::to_string(++written));
      return TickResult{.next_us = next_us, .changed = true};
    }
    return TickResult{.next_us = next_us, .changed = false};
  }
  void Committed() override {
    ++committed;
    if (on_committed) on_committed();
  }
  void SetWaker(std::function<void()> waker) override { wake = std::move(waker); }
  bool Idle() const override { return !idle || idle(); }
  Result<bool> Finish(Collector& collector) override {
    if (!writes_at_end) return false;
    collector.Output("out", 0).Append("k", "end");
    return true;
  }

  std::function<bool()> due, idle;
  std::function<void()> on_committed, wake;
  std::int64_t next_us = INT64_MAX;
  bool writes_at_end = false;
  std::uint64_t read = 0;
  int ticks = 0, committed = 0, written = 0;
  Now last;
};

class RunnerTickTest : public testing::Test {
 protected:
  RunnerTickTest() {
    Must(log_->EnsureTopic("in", {.partitions = 1}));
    Must(log_->EnsureTopic("out", {.partitions = 1}));
    options_.group = "g";
    options_.topic = "in";
    options_.poll_timeout_us = 1000;
  }

  ManualClock clock_{1'000'000};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
  RunnerOptions options_;
  TickingStage stage_;
};

TEST_F(RunnerTickTest, WhatATickCollectsIsCommittedThoughNoRecordCame) {
  options_.until_caught_up = true;
  stage_.due = [&] { return stage_.written < 2; };
  stage_.idle = [&] { return stage_.written == 2; };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"tick 1", "tick 2"}));
  EXPECT_EQ(stage_.committed, 2);
  std::string state;
  Must(log_->ReadState("ticking", 0,
                       [&](std::string_view, std::string_view value) { state = value; }));
  EXPECT_EQ(state, "2");
}

TEST_F(RunnerTickTest, ATickSharesTheCommitOfTheRecordsBeforeIt) {
  AppendValues(*log_, "in", 0, {"a", "b"});
  options_.until_caught_up = true;
  stage_.due = [&] { return stage_.read == 2 && stage_.written == 0; };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"tick 1"}));
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 0})), 2);
  EXPECT_EQ(stage_.committed, 1);
}

TEST_F(RunnerTickTest, UntilCaughtUpWaitsForAStageThatIsNotIdle) {
  options_.until_caught_up = true;
  stage_.idle = [&] { return stage_.ticks >= 5; };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));
  EXPECT_EQ(stage_.ticks, 5);
}

TEST_F(RunnerTickTest, AWakeEndsALongWait) {
  options_.poll_timeout_us = 60'000'000;
  options_.until_caught_up = true;
  std::jthread worker;
  stage_.idle = [&] { return stage_.ticks >= 3; };
  stage_.on_committed = [&] { worker = std::jthread([wake = stage_.wake] { wake(); }); };
  stage_.due = [&] { return true; };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));  // within the test's time limit: no wait took its minute
  EXPECT_EQ(stage_.ticks, 3);
}

TEST_F(RunnerTickTest, TheWaitEndsWhenTheStageWantsItsTick) {
  options_.poll_timeout_us = 60'000'000;
  options_.until_caught_up = true;
  stage_.next_us = clock_.WallUs();
  stage_.idle = [&] { return stage_.ticks >= 10; };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));
  EXPECT_EQ(stage_.last.wall_us, clock_.WallUs());
}

TEST_F(RunnerTickTest, AStopGivesTheStageItsLastChanceToCollect) {
  stage_.writes_at_end = true;
  std::stop_source stop;
  stage_.due = [&] {
    stop.request_stop();
    return false;
  };
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run(stop.get_token()));
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"end"}));
}

TEST_F(RunnerTickTest, AWakeAfterTheRunIsHarmless) {
  options_.until_caught_up = true;
  Runner runner(*log_, stage_, clock_, options_);
  ASSERT_TRUE(runner.Run({}));
  stage_.wake();
  EXPECT_EQ(ReadValues(*log_, "out", 0).size(), 0u);
}

}  // namespace
}  // namespace tocsin
