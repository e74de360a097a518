#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "base/time_text.h"
#include "batch/batch_job.h"
#include "batch/batch_test_support.h"
#include "batch/incremental_state.h"
#include "batch/parquet_test_reader.h"

namespace tocsin {
namespace {

std::string Line(int i) {
  if (i % 11 == 10) return "{\"broken\":" + std::to_string(i) + "\n";
  return R"({"device_id":"dev_)" + std::to_string(i % 7) + R"(","timestamp":")" +
         FormatTime(i % 13 == 12 ? 0 : i * 50'000'000LL) + R"(","temperature":)" +
         std::to_string(i % 60) + ",\"humidity\":" + std::to_string(i % 90) + ",\"status\":\"s" +
         std::to_string(i % 3) + "\"}\n";
}

std::string Lines(int begin, int end) {
  std::string text;
  for (int i = begin; i < end; ++i) text += Line(i);
  return text;
}

class IncrementalTest : public ::testing::Test {
 protected:
  struct Outcome {
    BatchReport report;
    ReadBackTable cleansed;
    ReadBackTable aggregates;
    std::string rejects;
    bool operator==(const Outcome& other) const {
      return report.rows_read == other.report.rows_read &&
             report.duplicates == other.report.duplicates &&
             report.blank_lines == other.report.blank_lines &&
             std::ranges::equal(report.rejected, other.report.rejected) &&
             cleansed.rows == other.cleansed.rows && aggregates.rows == other.aggregates.rows &&
             rejects == other.rejects;
    }
  };
  Outcome Run(const std::string& directory, bool since_last, std::vector<std::string> inputs = {}) {
    BatchOptions options;
    options.inputs = inputs.empty() ? std::vector{input_} : std::move(inputs);
    options.output_dir = scratch_ / directory;
    options.since_last = since_last;
    options.threads = 2;
    options.memory_limit_bytes = memory_;
    const auto report = RunBatch(settings_, options, nullptr, {});
    EXPECT_TRUE(report.has_value()) << report.error().message();
    if (!report) return {};
    return {*report, ReadParquet(options.output_dir + "/cleansed.parquet"),
            ReadParquet(options.output_dir + "/aggregates.parquet"),
            ReadWholeFile(options.output_dir + "/rejects.jsonl").value()};
  }
  void Append(const std::string& text) {
    std::ofstream(input_, std::ios::binary | std::ios::app) << text;
  }
  std::string State() { return IncrementalState::PathFor(scratch_ / "out/cleansed.parquet"); }

  ScratchDirectory scratch_;
  Settings settings_;
  std::string input_ = scratch_.Write("in.jsonl", "");
  std::int64_t memory_ = 512 << 20;
};

TEST_F(IncrementalTest, StepByStepGivesWhatOneRunGives) {
  for (const std::int64_t memory : {std::int64_t{512} << 20, std::int64_t{0}}) {
    memory_ = memory;
    std::filesystem::remove_all(scratch_ / "out");
    input_ = scratch_.Write("in.jsonl", "");
    for (int i = 0; i < 2'000; i += 400) {
      Append("\n" + Lines(i, i + 400));
      const Outcome step = Run("out", true);
      EXPECT_TRUE(step == Run("whole", false)) << i;
      EXPECT_EQ(step.report.rows_read, static_cast<std::uint64_t>(i + 400));
    }
    EXPECT_TRUE(Run("out", true) == Run("whole", false)) << "nothing new";
  }
}

TEST_F(IncrementalTest, ALineWithoutAnEndWaitsForItsRest) {
  const std::string line = Line(1);
  Append(Lines(0, 1) + line.substr(0, 30));
  EXPECT_EQ(Run("out", true).report.rows_read, 1U);
  Append(line.substr(30));
  EXPECT_TRUE(Run("out", true) == Run("whole", false));
}

TEST_F(IncrementalTest, AnInputThatIsNotWhatItWasIsReadFromItsBegin) {
  Append(Lines(0, 300));
  Run("out", true);
  // Rotated: another file under the name, and then a shorter one. What was read before stays.
  input_ = scratch_.Write("in.jsonl", Lines(300, 700));
  const Outcome rotated = Run("out", true);
  EXPECT_EQ(rotated.report.rows_read, 700U);
  input_ = scratch_.Write("in.jsonl", Lines(300, 310));
  const Outcome shorter = Run("out", true);
  EXPECT_EQ(shorter.report.rows_read, 710U);
  EXPECT_TRUE(shorter.cleansed.rows == rotated.cleansed.rows);
}

TEST_F(IncrementalTest, NewFilesAreReadAndOldOnesAreNotReadAgain) {
  Append(Lines(0, 100));
  Run("out", true);
  const std::string second = scratch_.Write("second.jsonl", Lines(100, 200));
  const Outcome both = Run("out", true, {input_, second});
  EXPECT_TRUE(both == Run("whole", false, {input_, second}));
}

// Killed after the outputs took their places but before the state did.
TEST_F(IncrementalTest, ARunThatEndedBeforeItsStateIsMadeGood) {
  Append(Lines(0, 200));
  Run("out", true);
  const std::string old_state = ReadWholeFile(State()).value();
  Append(Lines(200, 400));
  Run("out", true);
  ASSERT_TRUE(ReplaceFile(State(), old_state).has_value());
  EXPECT_TRUE(Run("out", true) == Run("whole", false));
}

TEST_F(IncrementalTest, AStateThatIsDamagedOrOfOtherSettingsIsNotUsed) {
  Append(Lines(0, 200));
  Run("out", true);
  std::string state = ReadWholeFile(State()).value();
  for (const std::size_t at : {std::size_t{3}, state.size() / 2, state.size() - 3}) {
    std::string damaged = state;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    ASSERT_TRUE(ReplaceFile(State(), damaged).has_value());
    EXPECT_TRUE(Run("out", true) == Run("whole", false)) << at;
  }
  ASSERT_TRUE(ReplaceFile(State(), state.substr(0, state.size() / 2)).has_value());
  EXPECT_TRUE(Run("out", true) == Run("whole", false));
  settings_.metrics[0].max = 30;
  EXPECT_TRUE(Run("out", true) == Run("whole", false));
}

TEST_F(IncrementalTest, ARunWithoutItForgetsTheState) {
  Append(Lines(0, 200));
  Run("out", true);
  EXPECT_TRUE(std::filesystem::exists(State()));
  Run("out", false);
  EXPECT_FALSE(std::filesystem::exists(State()));
}

TEST_F(IncrementalTest, StandardInputIsRefused) {
  BatchOptions options;
  options.inputs = {"-"};
  options.output_dir = scratch_ / "out";
  options.since_last = true;
  const auto report = RunBatch(settings_, options, nullptr, {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code(), Code::kUsage);
}

}  // namespace
}  // namespace tocsin
