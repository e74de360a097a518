#include "generate/run_generate.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <thread>

#include "base/file.h"
#include "base/time_text.h"
#include "generate/sink.h"
#include "log/partitioner.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

// A clock that moves a little at every look, so that waits end without anybody moving it.
class RunningClock final : public Clock {
 public:
  explicit RunningClock(std::int64_t step_us) : step_us_(step_us) {}
  std::int64_t WallUs() const override { return now_us_; }
  std::int64_t SteadyUs() const override { return now_us_ += step_us_; }

 private:
  std::int64_t step_us_;
  mutable std::int64_t now_us_ = 1'700'000'000'000'000;
};

class RunGenerateTest : public testing::Test {
 protected:
  RunGenerateTest() {
    std::string path = testing::TempDir() + "/generate_XXXXXX";
    directory_ = ::mkdtemp(path.data());
    settings_.raw_data_path = directory_ + "/raw";
    options_.sinks = {"file"};
    options_.rate = 0;
    options_.seed = 7;
    options_.max_events = 1000;
  }
  ~RunGenerateTest() override { std::filesystem::remove_all(directory_); }

  std::string Read(const std::string& name) {
    return ReadWholeFile(directory_ + "/" + name).value_or("");
  }
  Result<GenerateReport> Run(Log* log = nullptr) {
    return RunGenerate(settings_, options_, log, clock_, stop_.get_token());
  }
  std::unique_ptr<MemoryLog> MakeLog() {
    auto log = MemoryLog::Make(clock_);
    EXPECT_TRUE(log->EnsureTopic(settings_.raw_topic, {.partitions = 4}));
    return log;
  }
  // Every record's key and value by partition.
  std::vector<std::pair<std::string, std::string>> Records(Log& log, std::int32_t partition) {
    std::vector<std::pair<std::string, std::string>> records;
    const auto end = log.Offsets({settings_.raw_topic, partition})->latest;
    for (std::int64_t offset = 0; offset < end;) {
      const auto batches = log.Fetch({settings_.raw_topic, partition}, offset, 1 << 20);
      EXPECT_TRUE(batches);
      for (const auto& batch : *batches) {
        Record record;
        for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
          records.emplace_back(record.key.value_or("(null)"), record.value);
        }
        offset = batch->end_offset();
      }
    }
    return records;
  }

  std::string directory_;
  Settings settings_;
  GenerateOptions options_;
  SystemClock clock_;
  std::stop_source stop_;
};

TEST_F(RunGenerateTest, WritesTheDefaultFileAndReportsIt) {
  const auto report = Run();
  ASSERT_TRUE(report) << report.error().message();
  const std::string text = Read("raw/sensor_log.jsonl");
  EXPECT_EQ(std::ranges::count(text, '\n'), 1000);
  EXPECT_EQ(report->events, 1000U);
  EXPECT_EQ(report->bytes, text.size());
  EXPECT_TRUE(text.starts_with(
      "{\"device_id\":\"dev_1\",\"timestamp\":\"2025-01-01T00:00:00.000000+00:00\""));
  EXPECT_NE(text.find("\"dev_2\",\"timestamp\":\"2025-01-01T00:00:00.001000+00:00\""),
            std::string::npos);
}

TEST_F(RunGenerateTest, ASeedGivesTheSameBytesAndAFileIsAppendedTo) {
  ASSERT_TRUE(Run());
  const std::string once = Read("raw/sensor_log.jsonl");
  ASSERT_TRUE(Run());
  EXPECT_EQ(Read("raw/sensor_log.jsonl"), once + once);
}

TEST_F(RunGenerateTest, ALineCutByACrashIsEndedFirst) {
  options_.output_path = directory_ + "/deep/er/out.jsonl";
  ASSERT_TRUE(Run());
  const std::string once = Read("deep/er/out.jsonl");
  std::filesystem::resize_file(options_.output_path, once.size() - 20);
  ASSERT_TRUE(Run());
  EXPECT_EQ(Read("deep/er/out.jsonl"), once.substr(0, once.size() - 20) + "\n" + once);
}

TEST_F(RunGenerateTest, TheSyntheticClockMovesByTheRateOrTheInterval) {
  options_.max_events = 2;
  options_.start_us = ParseTime("2030-05-06T07:08:09Z");
  options_.rate = 0;
  const RunningClock clock(100);
  const auto second_time = [&] {
    std::filesystem::remove_all(directory_ + "/raw");
    EXPECT_TRUE(RunGenerate(settings_, options_, nullptr, clock, {}));
    const std::string text = Read("raw/sensor_log.jsonl");
    return text.substr(text.find("dev_2") + 20, 26);
  };
  EXPECT_EQ(second_time(), "2030-05-06T07:08:09.001000");
  options_.rate = 400;
  EXPECT_EQ(second_time(), "2030-05-06T07:08:09.002500");
  options_.rate = -1;
  options_.interval_seconds = 0.05;
  EXPECT_EQ(second_time(), "2030-05-06T07:08:09.050000");
}

TEST_F(RunGenerateTest, WithoutSeedAndStartTheWallClockGivesTheTimes) {
  options_.seed.reset();
  options_.max_events = 1;
  const ManualClock clock(*ParseTime("2031-01-02T03:04:05.678901Z"));
  ASSERT_TRUE(RunGenerate(settings_, options_, nullptr, clock, {}));
  EXPECT_NE(Read("raw/sensor_log.jsonl").find("2031-01-02T03:04:05.678901+00:00"),
            std::string::npos);
}

TEST_F(RunGenerateTest, KeepsTheRateAndTheFirstEventComesAtOnce) {
  options_.rate = 1000;
  options_.max_events = 500;
  const RunningClock clock(20);
  const auto report = RunGenerate(settings_, options_, nullptr, clock, {});
  ASSERT_TRUE(report);
  EXPECT_NEAR(report->seconds, 0.499, 0.01);
}

TEST_F(RunGenerateTest, CatchesUpAfterAStall) {
  options_.rate = 10;
  options_.max_events = 0;
  ManualClock clock;
  std::jthread run([&] {
    const auto report = RunGenerate(settings_, options_, nullptr, clock, stop_.get_token());
    ASSERT_TRUE(report);
    EXPECT_EQ(report->events, 101U);  // at 0.0, 0.1 … 10.0 s
  });
  options_.progress = nullptr;
  while (Read("raw/sensor_log.jsonl").empty()) std::this_thread::yield();
  clock.Advance(10'000'000);
  while (std::ranges::count(Read("raw/sensor_log.jsonl"), '\n') < 101) std::this_thread::yield();
  stop_.request_stop();
}

TEST_F(RunGenerateTest, StopEndsAnEndlessRunWithEverythingWritten) {
  options_.max_events = 0;
  options_.progress = [this](std::uint64_t events) {
    if (events > 5000) stop_.request_stop();
  };
  const auto report = Run();
  ASSERT_TRUE(report);
  EXPECT_GT(report->events, 5000U);
  EXPECT_EQ(std::ranges::count(Read("raw/sensor_log.jsonl"), '\n'),
            static_cast<std::ptrdiff_t>(report->events));
}

TEST_F(RunGenerateTest, TheLogGetsEveryEventUnderItsDeviceAsKey) {
  const auto log = MakeLog();
  options_.sinks = {"log", "file"};
  options_.max_events = 5000;
  std::uint64_t last_progress = 0;
  options_.progress = [&](std::uint64_t events) { last_progress = events; };
  const auto report = Run(log.get());
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(last_progress, 5000U);
  std::multimap<std::string, std::string> by_key;
  for (std::int32_t partition = 0; partition < 4; ++partition) {
    for (const auto& [key, value] : Records(*log, partition)) {
      EXPECT_EQ(PartitionOf(key, 4), partition);
      EXPECT_TRUE(value.starts_with("{\"device_id\":\"" + key + "\""));
      by_key.emplace(key, value);
    }
  }
  EXPECT_EQ(by_key.size(), 5000U);
  // One device's events are in the order of the file.
  const std::string file = Read("raw/sensor_log.jsonl");
  std::size_t at = 0;
  for (auto [event, end] = by_key.equal_range("dev_3"); event != end; ++event) {
    const std::size_t found = file.find(event->second, at);
    ASSERT_NE(found, std::string::npos);
    at = found;
  }
}

TEST_F(RunGenerateTest, WaitsWhileTheLogRefusesAndLosesNothing) {
  const auto log = MakeLog();
  options_.sinks = {"log"};
  log->FailCommits(2, Code::kResourceExhausted);
  const RunningClock clock(10'000);
  const auto report = RunGenerate(settings_, options_, log.get(), clock, {});
  ASSERT_TRUE(report) << report.error().message();
  std::size_t records = 0;
  for (std::int32_t partition = 0; partition < 4; ++partition) {
    records += Records(*log, partition).size();
  }
  EXPECT_EQ(records, 1000U);
  EXPECT_EQ(report->events, 1000U);
}

TEST_F(RunGenerateTest, StoppedWhileTheLogRefusesItReportsOnlyWhatTheLogTook) {
  const auto log = MakeLog();
  options_.sinks = {"log"};
  stop_.request_stop();
  log->FailCommits(1'000'000, Code::kResourceExhausted);
  const auto report = Run(log.get());
  ASSERT_TRUE(report);
  EXPECT_EQ(report->events, 0U);

  stop_ = std::stop_source();
  options_.progress = nullptr;
  std::jthread stopper([this] { stop_.request_stop(); });
  const auto refused = Run(log.get());
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->events, 0U);
}

TEST_F(RunGenerateTest, OtherErrorsOfTheLogEndTheRun) {
  const auto log = MakeLog();
  options_.sinks = {"log"};
  log->FailCommits(1, Code::kDiskError);
  const auto report = Run(log.get());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Code::kDiskError);
  settings_.raw_topic = "absent";
  EXPECT_EQ(Run(log.get()).error().code(), Code::kNotFound);
}

TEST_F(RunGenerateTest, LabelsAreTheGroundTruthOfTheFile) {
  options_.faults = ParseFaults("malformed=0.01,offline=0.001").value();
  options_.labels_path = directory_ + "/truth/labels.jsonl";
  options_.max_events = 20'000;
  ASSERT_TRUE(Run());
  const std::string labels = Read("truth/labels.jsonl");
  EXPECT_GT(std::ranges::count(labels, '\n'), 100);
  EXPECT_TRUE(labels.ends_with("]}\n"));
  const std::string file = Read("raw/sensor_log.jsonl");
  EXPECT_EQ(std::ranges::count(file, '\n'), 20'000);
  options_.faults = {};
  ASSERT_TRUE(Run());
  EXPECT_EQ(Read("truth/labels.jsonl"), "");  // of this run only
}

TEST_F(RunGenerateTest, AClosedPipeEndsCleanly) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ::close(ends[0]);
  const int saved = ::dup(STDOUT_FILENO);
  const auto before = ::signal(SIGPIPE, SIG_IGN);
  ::dup2(ends[1], STDOUT_FILENO);
  options_.sinks = {"stdout", "file"};
  options_.max_events = 0;
  const auto report = Run();
  ::dup2(saved, STDOUT_FILENO);
  ::signal(SIGPIPE, before);
  ::close(saved);
  ::close(ends[1]);
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_FALSE(Read("raw/sensor_log.jsonl").empty());
}

TEST_F(RunGenerateTest, NamesASinkThatIsUnknownOrNotBuiltIn) {
  const auto message = [this](const std::string& sink) {
    options_.sinks = {sink};
    const auto report = Run();
    if (report) return std::string("no error");
    EXPECT_EQ(report.error().code(), Code::kUsage);
    return report.error().message();
  };
  EXPECT_EQ(message("mqtt"), "sink 'mqtt' is not built in yet; use file, log, stdout or http");
  EXPECT_EQ(message("kafka"), "sink 'kafka' needs a broker; set KAFKA_BROKER, or use the sink log");
  EXPECT_EQ(message("stdotu"), "unknown sink 'stdotu'; did you mean stdout?");
  EXPECT_EQ(message("printer"), "unknown sink 'printer'; use file, log, stdout or http");
  options_.sinks.clear();
  EXPECT_EQ(Run().error().code(), Code::kUsage);
}

TEST_F(RunGenerateTest, AFileThatCannotBeWrittenIsADiskError) {
  options_.output_path = directory_;
  EXPECT_EQ(Run().error().code(), Code::kDiskError);
  options_.output_path = "/dev/full";
  EXPECT_EQ(Run().error().code(), Code::kDiskError);
}

TEST(WaitUntilTest, EndsWithTheClockOrTheStop) {
  ManualClock clock(100);
  WaitUntil(clock, 100, {});
  std::stop_source stop;
  stop.request_stop();
  WaitUntil(clock, 1'000'000, stop.get_token());
  std::jthread mover([&] { clock.Set(1'000'000); });
  WaitUntil(clock, 1'000'000, {});
  EXPECT_EQ(clock.SteadyUs(), 1'000'000);
}

}  // namespace
}  // namespace tocsin
