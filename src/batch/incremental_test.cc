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
    const BatchReport report = RunOnly(directory, since_last, std::move(inputs));
    const std::string out = scratch_ / directory;
    return {report, Table(out + "/cleansed"), Table(out + "/aggregates"),
            ReadWholeFile(out + "/rejects.jsonl").value()};
  }
  BatchReport RunOnly(const std::string& directory, bool since_last,
                      std::vector<std::string> inputs = {}) {
    BatchOptions options;
    options.inputs = inputs.empty() ? std::vector{input_} : std::move(inputs);
    options.output_dir = scratch_ / directory;
    options.since_last = since_last;
    options.threads = 2;
    options.memory_limit_bytes = memory_;
    options.zstd_level = zstd_level_;
    options.csv = csv_;
    options.labels = labels_;
    const auto report = RunBatch(settings_, options, nullptr, {});
    EXPECT_TRUE(report.has_value()) << report.error().message();
    return report.value_or(BatchReport());
  }
  void Append(const std::string& text) {
    std::ofstream(input_, std::ios::binary | std::ios::app) << text;
  }
  std::string State() { return IncrementalState::PathFor(scratch_ / "out/cleansed.parquet"); }

  ScratchDirectory scratch_;
  Settings settings_;
  std::string input_ = scratch_.Write("in.jsonl", "");
  std::int64_t memory_ = 512 << 20;
  int zstd_level_ = 1;
  bool csv_ = false;
  const LabelSource* labels_ = nullptr;

 private:
  ReadBackTable Table(const std::string& path) const {
    if (!csv_) return ReadParquet(path + ".parquet");
    ReadBackTable table;
    table.rows = {{ReadWholeFile(path + ".csv").value()}};
    return table;
  }
};

// Rows enough for some row groups, and appended ones of one device among many.
class RowGroupTest : public IncrementalTest {
 protected:
  static constexpr int kDevices = 400;

  RowGroupTest() {
    memory_ = 8 << 20;
    std::string text;
    for (int i = 0; i < 150'000; ++i) text += LineOf(i % kDevices, i);
    Append(text);
    const BatchReport first = RunOnly("out", true);
    EXPECT_EQ(first.row_groups_copied, 0U);
    groups_ = first.row_groups;
    EXPECT_GE(groups_, 5U);
  }

  static std::string LineOf(int device, int i) {
    std::string id = std::to_string(device);
    id.insert(0, 4 - id.size(), '0');
    return R"({"device_id":"dev_)" + id + R"(","timestamp":")" + FormatTime(i * 100'000'000LL) +
           R"(","temperature":)" + std::to_string(i % 60) + "." + std::to_string(i % 7) +
           ",\"humidity\":" + std::to_string(i % 90) + ",\"status\":\"s" + std::to_string(i % 3) +
           "\"}\n";
  }
  // How many row groups the run after one more line of a device copied.
  std::uint64_t CopiedAfterALineOf(int device) {
    Append(LineOf(device, 150'000 + lines_++));
    return RunOnly("out", true).row_groups_copied;
  }
  // Step by step there came out what comes out at once.
  void ExpectAsWhole() { EXPECT_TRUE(Run("out", true) == Run("whole", false)); }

  std::uint64_t groups_ = 0;
  int lines_ = 0;
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

TEST_F(RowGroupTest, ThoseOfDevicesThatNothingCameForAreCopied) {
  for (const int device : {0, 17, kDevices - 1, kDevices / 2}) {
    EXPECT_EQ(CopiedAfterALineOf(device), groups_ - 1) << device;
  }
  // A repeat touches a device, too; and a new one belongs somewhere.
  Append(LineOf(3, 3));
  EXPECT_EQ(RunOnly("out", true).row_groups_copied, groups_ - 1);
  EXPECT_EQ(CopiedAfterALineOf(kDevices + 5), groups_ - 1);
  EXPECT_EQ(RunOnly("out", true).row_groups_copied, groups_) << "nothing new";
  std::string all;
  for (int device = 0; device < kDevices; ++device) all += LineOf(device, 200'000 + device);
  Append(all);
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  ExpectAsWhole();
}

TEST_F(RowGroupTest, TheFirstIsMadeAnewForThePreview) {
  BatchOptions options;
  options.inputs = {input_};
  options.output_dir = scratch_ / "out";
  options.since_last = true;
  options.memory_limit_bytes = memory_;
  options.threads = 2;
  std::string whole, step;
  options.preview = true;
  options.preview_out = [&](const std::string& text) { step = text; };
  const auto report = RunBatch(settings_, options, nullptr, {});
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->row_groups_copied, groups_ - 1);
  options.since_last = false;
  options.preview_out = [&](const std::string& text) { whole = text; };
  ASSERT_TRUE(RunBatch(settings_, options, nullptr, {}).has_value());
  EXPECT_EQ(step, whole);
}

TEST_F(RowGroupTest, ARunThatWritesNothingCountsThemAll) {
  BatchOptions options;
  options.inputs = {input_};
  options.output_dir = scratch_ / "out";
  options.since_last = options.skip_export = true;
  options.memory_limit_bytes = memory_;
  const auto report = RunBatch(settings_, options, nullptr, {});
  ASSERT_TRUE(report.has_value()) << report.error().message();
  EXPECT_EQ(report->rows_read, 150'000U);
  EXPECT_EQ(report->cleansed, 150'000U);
}

// A byte of the file that a group is copied from, or its end, or all of it.
TEST_F(RowGroupTest, AreMadeAnewWhenTheTableIsNotTheOneThatWasWritten) {
  const std::string path = scratch_ / "out/cleansed.parquet";
  std::string table = ReadWholeFile(path).value();
  table[table.size() / 2] = static_cast<char>(table[table.size() / 2] ^ 1);
  ASSERT_TRUE(ReplaceFile(path, table).has_value());
  EXPECT_EQ(CopiedAfterALineOf(0), groups_ - 2);
  table = ReadWholeFile(path).value();
  ASSERT_TRUE(ReplaceFile(path, table.substr(0, table.size() / 2)).has_value());
  EXPECT_LT(CopiedAfterALineOf(0), groups_ - 1);
  std::filesystem::remove(path);
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  EXPECT_EQ(CopiedAfterALineOf(0), groups_ - 1);
  ExpectAsWhole();
}

// Killed after the tables took their places but before the state did: the groups stand elsewhere
// than the state says, and hold more.
TEST_F(RowGroupTest, OfARunThatEndedBeforeItsStateAreNotTakenForThoseOfTheOneBefore) {
  const std::string old_state = ReadWholeFile(State()).value();
  std::string some;
  for (int i = 0; i < 500; ++i) some += LineOf(0, 150'000 + i);
  Append(some);
  EXPECT_EQ(RunOnly("out", true).row_groups_copied, groups_ - 1);
  ASSERT_TRUE(ReplaceFile(State(), old_state).has_value());
  EXPECT_EQ(RunOnly("out", true).row_groups_copied, 0U);
  EXPECT_EQ(CopiedAfterALineOf(1), groups_ - 1);
  ExpectAsWhole();
}

TEST_F(RowGroupTest, OfRulesWithAMemoryAndOfOtherLimitsAreCopiedWhereTheyFit) {
  settings_.rules_file =
      scratch_.Write("rules.yaml",
                     "groups:\n  - name: g\n    rules:\n      - {alert: rising, expr: "
                     "'temperature > avg(temperature, 1d)'}\n");
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  EXPECT_EQ(CopiedAfterALineOf(kDevices - 1), groups_ - 1);
  memory_ = 4 << 20;  // half as many rows at a time
  EXPECT_LT(CopiedAfterALineOf(0), groups_ - 1);
  memory_ = 64 << 20;
  CopiedAfterALineOf(0);
  ExpectAsWhole();
}

TEST_F(RowGroupTest, AreMadeAnewForOtherRulesAndAnotherLevel) {
  zstd_level_ = 3;
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  settings_.temp_alert_threshold = 12;
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  settings_.rules_file = scratch_.Write(
      "rules.yaml",
      "groups:\n  - name: g\n    rules:\n      - {alert: hot, expr: 'temperature >= 50'}\n");
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  EXPECT_EQ(CopiedAfterALineOf(0), groups_ - 1);
  settings_.rules_file = scratch_.Write(
      "rules.yaml",
      "groups:\n  - name: g\n    rules:\n      - {alert: hot, expr: 'temperature >= 51'}\n");
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  ExpectAsWhole();
}

TEST_F(RowGroupTest, AreMadeAnewWhenRulesLookAtLabels) {
  struct Labels final : LabelSource {
    std::string_view Label(std::string_view, std::string_view) const override { return site; }
    std::string_view site = "s";
  } labels;
  labels_ = &labels;
  settings_.rules_file = scratch_.Write(
      "rules.yaml",
      "groups:\n  - name: g\n    rules:\n      - {alert: hot, expr: 'temperature >= 30 and "
      "labels.site == \"s\"'}\n");
  CopiedAfterALineOf(0);
  labels.site = "t";
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  ExpectAsWhole();
}

TEST_F(RowGroupTest, OfCsvAreRangesOfLines) {
  csv_ = true;
  EXPECT_EQ(CopiedAfterALineOf(0), 0U);
  EXPECT_EQ(CopiedAfterALineOf(kDevices / 3), groups_ - 1);
  ExpectAsWhole();
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
