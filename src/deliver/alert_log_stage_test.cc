#include "deliver/alert_log_stage.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/file.h"
#include "log_backends/memory_log.h"
#include "stage/runner.h"
#include "stage/test_log.h"

namespace tocsin {
namespace {

using test::AppendValues;
using test::Must;
using Strings = std::vector<std::string>;

class AlertLogStageTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "alert_log_" + std::to_string(::getpid());
    options_.path = directory_ + "/logs/alerts.log";
    Reset();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // A machine with nothing on it.
  void Reset() {
    std::filesystem::remove_all(directory_);
    log_ = MemoryLog::Make(clock_);
    TopicConfig config;
    config.partitions = 2;
    Must(log_->EnsureTopic("iot.alerts", config));
    options_.fault = nullptr;
    appended_.clear();
  }
  void Append(std::int32_t partition, int first, int count) {
    Strings lines;
    for (int i = first; i < first + count; ++i) {
      lines.push_back("{\"id\":\"" + std::to_string(partition) + "-" + std::to_string(i) + "\"}");
    }
    AppendValues(*log_, "iot.alerts", partition, lines);
    appended_.insert(appended_.end(), lines.begin(), lines.end());
  }
  // One process: opens, writes to the end of the log or to its death. Lines written.
  Result<std::uint64_t> Run(std::size_t max_records = 10'000) {
    TOCSIN_ASSIGN(const auto stage, AlertLogStage::Make(options_));
    RunnerOptions options;
    options.group = "alert-log";
    options.topic = "iot.alerts";
    options.max_records = max_records;
    options.poll_timeout_us = 0;
    options.until_caught_up = true;
    Runner runner(*log_, *stage, clock_, options);
    TOCSIN_TRY(runner.Run({}));
    return stage->lines_written();
  }
  // A run that dies before its commit.
  void RunWithoutCommit(std::size_t max_records = 10'000) {
    log_->FailCommits(1, Code::kInternal);
    EXPECT_FALSE(Run(max_records));
    log_->FailCommits(0, Code::kInternal);
  }
  static Strings LinesOf(const std::string& path) {
    Strings lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  Strings Lines() { return LinesOf(options_.path); }
  // Of all files, oldest first.
  Strings AllLines() {
    Strings all;
    for (int i = 50; i >= 0; --i) {
      const Strings lines =
          LinesOf(i == 0 ? options_.path : options_.path + "." + std::to_string(i));
      all.insert(all.end(), lines.begin(), lines.end());
    }
    return all;
  }
  std::string Content() { return Must(ReadWholeFile(options_.path)); }
  void ExpectEachOnce(const std::string& when) {
    Strings lines = AllLines(), wanted = appended_;
    std::ranges::sort(lines);
    std::ranges::sort(wanted);
    EXPECT_EQ(lines, wanted) << when;
  }

  ManualClock clock_{1'000'000};
  std::string directory_;
  AlertLogOptions options_;
  std::unique_ptr<MemoryLog> log_;
  Strings appended_;
};

TEST_F(AlertLogStageTest, WritesEachRecordAsALineInTheOrderOfItsPartition) {
  Append(0, 0, 3);
  EXPECT_EQ(Must(Run()), 3u);
  EXPECT_EQ(Lines(), appended_);
  Append(0, 3, 2);
  EXPECT_EQ(Must(Run()), 2u);
  EXPECT_EQ(Lines(), appended_);
}

TEST_F(AlertLogStageTest, TheFileIsThereBeforeTheFirstAlert) {
  const auto stage = Must(AlertLogStage::Make(options_));
  EXPECT_EQ(Content(), "");
}

TEST_F(AlertLogStageTest, ALineFeedInARecordDoesNotMakeTwoLines) {
  AppendValues(*log_, "iot.alerts", 0, {"{\"a\":\n1}"});
  Must(Run());
  EXPECT_EQ(Lines(), (Strings{"{\"a\": 1}"}));
}

TEST_F(AlertLogStageTest, LinesOfATransactionThatWasNotCommittedAreNotWrittenAgain) {
  Append(0, 0, 3);
  Append(1, 0, 3);
  RunWithoutCommit();
  ASSERT_EQ(Lines().size(), 6u);
  Append(0, 3, 1);
  EXPECT_EQ(Must(Run()), 1u);
  ExpectEachOnce("after the restart");
}

TEST_F(AlertLogStageTest, LeftoverLinesMaySpreadOverSeveralTransactionsAndCrashes) {
  Append(0, 0, 5);
  Append(1, 0, 5);
  RunWithoutCommit();
  // Each of these commits a part of what is left, then dies with more in the file.
  for (int i = 0; i < 4; ++i) {
    Append(i % 2, 10 + i, 1);
    int commits = 0;
    options_.fault = [&](std::string_view step) -> Status {
      if (step == "synced" && ++commits == 2) return Fail(Code::kInternal, "dead");
      return {};
    };
    EXPECT_FALSE(Run(2));
  }
  options_.fault = nullptr;
  Must(Run(3));
  ExpectEachOnce("after five crashes");
}

TEST_F(AlertLogStageTest, ATornLineIsCutAndWrittenAgainWhereverItIsTorn) {
  for (const bool committed_before : {false, true}) {
    for (std::size_t cut = 0;; ++cut) {
      Reset();
      if (committed_before) {
        Append(1, 100, 2);
        Must(Run());
      }
      Append(0, 0, 3);
      Append(1, 0, 2);
      RunWithoutCommit();
      const std::size_t size = Content().size();
      if (cut > size) break;
      const std::size_t kept = committed_before ? 2 * 15 : 0;
      if (cut < kept) cut = kept;
      std::filesystem::resize_file(options_.path, cut);
      Append(0, 3, 1);
      Must(Run());
      ExpectEachOnce("torn at " + std::to_string(cut));
    }
  }
}

TEST_F(AlertLogStageTest, DeathAtAnyStepWritesEachAlertOnce) {
  options_.max_bytes = 60;  // rotates in almost every transaction
  options_.keep = 40;
  for (int death = 0;; ++death) {
    Reset();
    int steps = 0;
    bool died = false;
    options_.fault = [&](std::string_view) -> Status {
      if (steps++ != death) return {};
      died = true;
      return Fail(Code::kInternal, "dead");
    };
    for (int round = 0; round < 5; ++round) {
      Append(round % 2, 10 * round, 4);
      Append(0, 10 * round + 5, 1);
      if (!Run(3)) Must(Run(2));
    }
    ExpectEachOnce("died at step " + std::to_string(death));
    if (!died) {
      EXPECT_GT(death, 20);
      break;
    }
  }
}

TEST_F(AlertLogStageTest, RotatesAtTheSizeAndKeepsSoMany) {
  options_.max_bytes = 30;
  options_.keep = 2;
  for (int i = 0; i < 6; ++i) {
    Append(0, i * 10, 2);
    Must(Run());
  }
  EXPECT_EQ(Lines().size(), 4u);
  EXPECT_EQ(LinesOf(options_.path + ".1").size(), 4u);
  EXPECT_TRUE(std::filesystem::exists(options_.path + ".2"));
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".3"));
}

TEST_F(AlertLogStageTest, AFileThatOthersMovedIsBegunAnew) {
  const auto stage = Must(AlertLogStage::Make(options_));
  Must(stage->Restore(0, [](const Stage::StateVisitor&) { return Status(); }));
  Collector collector;
  const auto deliver = [&] {
    const auto batches = Must(log_->Fetch({"iot.alerts", 0}, 0, 1 << 20));
    const auto& last = batches.back();
    Must(stage->Process({{"iot.alerts", 0}, last, 0, last->count()}, collector));
    Must(stage->Flush(collector));
  };
  Append(0, 0, 2);
  deliver();
  std::filesystem::rename(options_.path, options_.path + ".moved");
  Append(0, 2, 1);
  deliver();
  EXPECT_EQ(Lines().size(), 1u);
  EXPECT_EQ(LinesOf(options_.path + ".moved").size(), 2u);
}

TEST_F(AlertLogStageTest, AForeignFileWithoutLineEndIsCompletedNotCut) {
  std::filesystem::create_directories(directory_ + "/logs");
  std::ofstream(options_.path) << "someone's notes";
  Append(0, 0, 1);
  Must(Run());
  EXPECT_EQ(Lines(), (Strings{"someone's notes", appended_[0]}));
}

TEST_F(AlertLogStageTest, AFileThatWasDeletedWhileStoppedIsBegunAnew) {
  Append(0, 0, 2);
  Must(Run());
  std::filesystem::remove(options_.path);
  Append(0, 2, 2);
  RunWithoutCommit();
  Append(0, 4, 1);
  Must(Run());
  EXPECT_EQ(Lines(), Strings(appended_.begin() + 2, appended_.end()));
}

TEST_F(AlertLogStageTest, AnUnwritablePathIsADiskErrorThatNamesIt) {
  std::filesystem::create_directories(directory_);
  std::ofstream(directory_ + "/logs") << "a file, not a directory";
  const auto stage = AlertLogStage::Make(options_);
  ASSERT_FALSE(stage);
  EXPECT_EQ(stage.error().code(), Code::kDiskError);
  EXPECT_NE(stage.error().message().find(directory_ + "/logs"), std::string::npos)
      << stage.error().message();
}

}  // namespace
}  // namespace tocsin
