#include "stage/crash_guard.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>

#include "base/clock.h"
#include "base/file.h"
#include "log_backends/memory_log.h"
#include "stage/runner.h"
#include "stage/test_log.h"

namespace tocsin {
namespace {

using test::AppendValues;
using test::Must;
using test::ReadValues;

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();

class CrashGuardTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "crash_guard_" + std::to_string(::getpid());
    std::filesystem::remove_all(directory_);
    path_ = directory_ + "/guard";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<CrashGuard> Open(std::string_view owner = "g") {
    return Must(CrashGuard::Open(path_, owner));
  }
  // What a crash while [first, end) is processed leaves.
  void Crash(std::int32_t partition, std::int64_t first, std::int64_t end) {
    Open()->Enter(partition, first, end);
  }

  std::string directory_;
  std::string path_;
};

TEST_F(CrashGuardTest, ACleanRunLeavesNothingToBeCarefulWith) {
  const auto guard = Open();
  guard->Enter(0, 10, 20);
  guard->Leave();
  EXPECT_EQ(Open()->CarefulUntil(0), kNever);
}

TEST_F(CrashGuardTest, ACrashedRangeIsTakenOneByOneUntilItIsCommitted) {
  Crash(3, 10, 20);
  const auto guard = Open();
  EXPECT_EQ(guard->CarefulUntil(3), 20);
  EXPECT_EQ(guard->CarefulUntil(0), kNever);
  EXPECT_EQ(guard->Crashes(3, 10), 0u);
  guard->Committed(3, 15);
  EXPECT_EQ(guard->CarefulUntil(3), 20);
  guard->Committed(3, 20);
  EXPECT_EQ(guard->CarefulUntil(3), kNever);
}

TEST_F(CrashGuardTest, TheCrashOfTheRangeCountsForTheRecordThatIsFound) {
  Crash(0, 10, 20);
  Crash(0, 12, 13);
  EXPECT_EQ(Open()->Crashes(0, 12), 2u);
  Crash(0, 12, 13);
  EXPECT_EQ(Open()->Crashes(0, 12), CrashGuard::kMaxCrashes);
}

TEST_F(CrashGuardTest, ARecordThatIsPolledAloneIsTheSuspectAtOnce) {
  for (std::uint32_t crashes = 1; crashes <= CrashGuard::kMaxCrashes; ++crashes) {
    Crash(0, 7, 8);
    EXPECT_EQ(Open()->Crashes(0, 7), crashes);
  }
}

TEST_F(CrashGuardTest, ASecondCulpritStartsFromNothing) {
  Crash(0, 10, 20);
  Crash(0, 12, 13);
  Open()->Committed(0, 13);
  Crash(0, 15, 16);
  const auto guard = Open();
  EXPECT_EQ(guard->Crashes(0, 12), 0u);
  EXPECT_EQ(guard->Crashes(0, 15), 1u);
}

TEST_F(CrashGuardTest, PartitionsAreKeptApart) {
  Crash(0, 10, 20);
  Crash(1, 5, 6);
  const auto guard = Open();
  EXPECT_EQ(guard->CarefulUntil(0), 20);
  EXPECT_EQ(guard->CarefulUntil(1), 6);
  EXPECT_EQ(guard->Crashes(1, 5), 1u);
}

TEST_F(CrashGuardTest, AFileOfAnotherOwnerOrWithoutSenseIsStartedAnew) {
  Crash(0, 10, 20);
  EXPECT_EQ(Open("other")->CarefulUntil(0), kNever);
  Must(ReplaceFile(path_, std::string(65 * 64, 'x')));
  EXPECT_EQ(Open()->CarefulUntil(0), kNever);
  Must(ReplaceFile(path_, "short"));
  EXPECT_EQ(Open()->CarefulUntil(0), kNever);
}

TEST_F(CrashGuardTest, AnUnwritablePlaceIsADiskErrorThatNamesThePath) {
  Must(MakeDirectories(directory_));
  Must(ReplaceFile(directory_ + "/file", ""));
  const auto opened = CrashGuard::Open(directory_ + "/file/guard", "g");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kDiskError);
  EXPECT_NE(opened.error().message().find("/file"), std::string::npos);
}

// Copies records, aborts at a value that begins with "poison", writes quarantined ones to "dlq".
class FragileStage final : public Stage {
 public:
  std::string_view name() const override { return "fragile"; }
  Status Restore(std::int32_t, const StateReader&) override { return {}; }
  void Drop(std::int32_t) override {}
  Status Process(const PolledBatch& polled, Collector& collector) override {
    return Each(polled, [&](const Record& record) {
      if (record.value.starts_with("poison")) std::abort();
      collector.Output("out", 0).Append("k", record.value);
    });
  }
  Status Flush(Collector&) override {
    if (die_in_flush) ::kill(::getpid(), SIGKILL);
    return {};
  }
  Status Quarantine(const PolledBatch& record, std::string_view why,
                    Collector& collector) override {
    return Each(record, [&](const Record& one) {
      collector.Output("dlq", 0).Append("k", std::string(one.value) + ": " + std::string(why));
    });
  }
  bool die_in_flush = false;

 private:
  template <class Visit>
  static Status Each(const PolledBatch& polled, Visit visit) {
    RecordBatch::Cursor cursor(*polled.batch);
    cursor.Skip(polled.first);
    Record record;
    for (std::uint32_t i = 0; i < polled.count && cursor.Next(record); ++i) visit(record);
    return {};
  }
};

class CrashLoopTest : public CrashGuardTest {
 protected:
  CrashLoopTest() {
    for (const char* topic : {"in", "out", "dlq"})
      Must(log_->EnsureTopic(topic, {.partitions = 1}));
  }
  Status Run(bool die_in_flush = false) {
    FragileStage stage;
    stage.die_in_flush = die_in_flush;
    RunnerOptions options;
    options.group = "g";
    options.topic = "in";
    options.poll_timeout_us = 1000;
    options.until_caught_up = true;
    options.crash_guard_path = path_;
    Runner runner(*log_, stage, clock_, options);
    return runner.Run({});
  }
  // Runs in a child with a copy of the log; the guard file is shared. The signal that ended the
  // child, or 0.
  int RunInChild(bool die_in_flush = false) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (std::freopen("/dev/null", "w", stderr) == nullptr) std::_Exit(1);
      ::_exit(Run(die_in_flush) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  int CrashesUntilSurvival() {
    int crashes = 0;
    while (crashes < 20 && RunInChild() == SIGABRT) ++crashes;
    return crashes;
  }

  ManualClock clock_{1'000'000};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
};

TEST_F(CrashLoopTest, ARecordThatCrashesThreeTimesGoesToTheDeadLetters) {
  std::vector<std::string> values;
  for (int i = 0; i < 300; ++i) values.push_back("v" + std::to_string(i));
  values[200] = "poison";
  AppendValues(*log_, "in", 0, values);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(RunInChild(), SIGABRT) << i;
  ASSERT_TRUE(Run());
  const auto dead = ReadValues(*log_, "dlq", 0);
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0], "poison: processing this record ended the process 3 times");
  values.erase(values.begin() + 200);
  EXPECT_EQ(ReadValues(*log_, "out", 0), values);
  EXPECT_EQ(Must(log_->CommittedOffset("g", {"in", 0})), 300);
}

TEST_F(CrashLoopTest, ASinglePolledRecordGoesAfterThreeCrashes) {
  AppendValues(*log_, "in", 0, {"poison"});
  EXPECT_EQ(CrashesUntilSurvival(), 3);
}

TEST_F(CrashLoopTest, DyingWhileCommittingCountsForNothing) {
  AppendValues(*log_, "in", 0, {"a", "b"});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(RunInChild(true), SIGKILL);
  ASSERT_TRUE(Run());
  EXPECT_EQ(ReadValues(*log_, "out", 0), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(ReadValues(*log_, "dlq", 0).empty());
}

}  // namespace
}  // namespace tocsin
