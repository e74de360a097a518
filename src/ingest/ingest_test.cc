#include "ingest/ingest.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "log/partitioner.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

class IngestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "/ingest_XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    log_ = MemoryLog::Make(clock_);
    ASSERT_TRUE(log_->EnsureTopic("iot.raw", {}));
    ASSERT_TRUE(log_->EnsureTopic("iot.dlq", {}));
    input_ = directory_ + "/in.jsonl";
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  static std::string Event(int device, int number) {
    return R"({"device_id":"dev_)" + std::to_string(device) + R"(","n":)" + std::to_string(number) +
           "}";
  }
  void WriteInput(const std::string& text) {
    std::ofstream(input_, std::ios::binary | std::ios::trunc) << text;
  }
  void AppendInput(const std::string& text) {
    std::ofstream(input_, std::ios::binary | std::ios::app) << text;
  }

  Result<IngestReport> Ingest(IngestOptions options = {}, std::stop_token stop = {}) {
    if (options.paths.empty()) options.paths = {input_};
    return RunIngest(settings_, options, *log_, clock_, std::move(stop));
  }

  struct Kept {
    std::int32_t partition;
    std::optional<std::string> key;
    std::string value;
    std::string headers;
  };
  std::vector<Kept> Records(const std::string& topic) {
    std::vector<Kept> records;
    for (std::int32_t partition = 0; partition < 4; ++partition) {
      const auto offsets = log_->Offsets({topic, partition});
      for (std::int64_t at = offsets->earliest; at < offsets->latest;) {
        const auto batches = log_->Fetch({topic, partition}, at, 1 << 20);
        for (const auto& batch : *batches) {
          Record record;
          for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
            std::optional<std::string> key;
            if (record.key) key = std::string(*record.key);
            records.push_back(
                {partition, key, std::string(record.value), std::string(record.encoded_headers)});
          }
          at = batch->end_offset();
        }
      }
    }
    return records;
  }
  std::multiset<std::string> Values(const std::string& topic) {
    std::multiset<std::string> values;
    for (const Kept& record : Records(topic)) values.insert(record.value);
    return values;
  }

  // Runs a following ingest until `reached`, then stops it.
  IngestReport Follow(const std::function<void(const std::function<void(std::size_t)>&)>& script) {
    std::stop_source stop;
    Result<IngestReport> report;
    IngestOptions options;
    options.follow = true;
    std::thread runner([&] { report = Ingest(options, stop.get_token()); });
    const auto wait_for = [&](std::size_t records) {
      for (int i = 0; i < 1000 && Records("iot.raw").size() < records; ++i) {
        const std::uint64_t seen = log_->AppendCount();
        if (Records("iot.raw").size() >= records) break;
        log_->WaitForAppend(seen, 10'000, {});
      }
      EXPECT_EQ(Records("iot.raw").size(), records);
    };
    script(wait_for);
    stop.request_stop();
    runner.join();
    EXPECT_TRUE(report) << report.error().message();
    return report.value_or(IngestReport{});
  }

  ManualClock clock_{1'000'000};
  Settings settings_;
  std::unique_ptr<MemoryLog> log_;
  std::string directory_;
  std::string input_;
};

TEST_F(IngestTest, AppendsEveryLineAsItIsAndSkipsBlankOnes) {
  WriteInput(Event(1, 1) + "\n\n \t\r\nnot json\r\n" + Event(2, 2) + "\n[1,2]");
  const auto report = Ingest();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->lines, 4U);
  EXPECT_EQ(report->appended, 4U);
  EXPECT_EQ(report->blank_lines, 2U);
  EXPECT_EQ(Values("iot.raw"),
            (std::multiset<std::string>{Event(1, 1), "not json", Event(2, 2), "[1,2]"}));
}

TEST_F(IngestTest, TheKeyIsTheDeviceAndGivesThePartition) {
  WriteInput(Event(1, 1) + "\n" + Event(2, 1) + "\n{\"x\":1}\n" + Event(1, 2) + "\n");
  ASSERT_TRUE(Ingest());
  std::vector<std::string> first_device;
  for (const Kept& record : Records("iot.raw")) {
    if (record.key) {
      EXPECT_EQ(record.partition, PartitionOf(*record.key, 4));
      if (*record.key == "dev_1") first_device.push_back(record.value);
    } else {
      EXPECT_EQ(record.value, "{\"x\":1}");
      EXPECT_EQ(record.partition, PartitionOf(record.value, 4));
    }
  }
  EXPECT_EQ(first_device, (std::vector<std::string>{Event(1, 1), Event(1, 2)}));
}

TEST_F(IngestTest, ATooLargeLineGoesToTheDeadLettersWithItsHead) {
  settings_.max_event_bytes = 1000;
  const std::string small(1001, 'a');
  const std::string huge(10'000'000, 'b');
  WriteInput(small + "\n" + huge + "\n" + std::string(1000, 'c') + "\r\n");
  const auto report = Ingest();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->too_large, 2U);
  EXPECT_EQ(report->appended, 1U);
  const auto letters = Records("iot.dlq");
  ASSERT_EQ(letters.size(), 2U);
  for (const Kept& letter : letters) {
    EXPECT_EQ(FindHeader(letter.headers, "tocsin.reason"), "too_large");
    if (letter.value.front() == 'b') {
      EXPECT_EQ(letter.value, huge.substr(0, 64 * 1024));
      EXPECT_EQ(FindHeader(letter.headers, "tocsin.truncated"), "true");
      EXPECT_EQ(FindHeader(letter.headers, "tocsin.size"), "10000000");
    } else {
      EXPECT_EQ(letter.value, small) << "whole, so not marked as truncated";
      EXPECT_FALSE(FindHeader(letter.headers, "tocsin.truncated"));
    }
  }
}

TEST_F(IngestTest, GoesOnWhereItStoppedUntilToldToStartAgain) {
  WriteInput(Event(1, 1) + "\n" + Event(1, 2) + "\n");
  ASSERT_TRUE(Ingest());
  EXPECT_EQ(Ingest()->lines, 0U);
  AppendInput(Event(1, 3) + "\n");
  EXPECT_EQ(Ingest()->lines, 1U);
  EXPECT_EQ(Values("iot.raw").size(), 3U);
  IngestOptions again;
  again.from_start = true;
  EXPECT_EQ(Ingest(again)->lines, 3U);
}

TEST_F(IngestTest, AFileWithOtherContentStartsAtItsHead) {
  WriteInput(Event(1, 1) + "\n");
  ASSERT_TRUE(Ingest());
  WriteInput(Event(2, 1) + "\n" + Event(2, 2) + "\n");  // the same inode, longer than before
  EXPECT_EQ(Ingest()->lines, 2U);
}

TEST_F(IngestTest, ACommitThatFailsInTheMiddleLeavesNoGapAndNoRepeatAtTheNextRun) {
  std::multiset<std::string> expected;
  std::string text;
  for (int i = 0; i < 25'000; ++i) {
    text += Event(i % 7, i) + "\n";
    expected.insert(Event(i % 7, i));
  }
  WriteInput(text);
  int commits = 0;
  IngestOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) {
    if (++commits == 1) log_->FailCommits(1, Code::kDiskError);
  };
  const auto failed = Ingest(options);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kDiskError);
  EXPECT_EQ(Values("iot.raw").size(), 10'000U);
  const auto resumed = Ingest();
  ASSERT_TRUE(resumed) << resumed.error().message();
  EXPECT_EQ(resumed->lines, 15'000U);
  EXPECT_EQ(Values("iot.raw"), expected);
}

TEST_F(IngestTest, WaitsWhileIngestIsRefusedAndLosesNothing) {
  WriteInput(Event(1, 1) + "\n" + Event(1, 2) + "\n");
  log_->FailCommits(3, Code::kResourceExhausted);
  const auto report = Ingest();
  ASSERT_TRUE(report) << report.error().message();
  EXPECT_EQ(report->appended, 2U);
  EXPECT_EQ(Values("iot.raw").size(), 2U);
}

TEST_F(IngestTest, AcknowledgesEachAppendWithItsLinesAndOffsets) {
  WriteInput("\n" + Event(1, 1) + "\n" + Event(1, 2) + "\n");
  IngestOptions options;
  options.acks_path = directory_ + "/acks";
  ASSERT_TRUE(Ingest(options));
  AppendInput(Event(1, 3) + "\n");
  ASSERT_TRUE(Ingest(options));
  const std::string partition = std::to_string(PartitionOf("dev_1", 4));
  EXPECT_EQ(*ReadWholeFile(options.acks_path),
            "{\"input\":\"" + input_ + "\",\"first_line\":1,\"last_line\":3,\"partitions\":[" +
                "{\"partition\":" + partition + ",\"base_offset\":0,\"count\":2}]," +
                "\"too_large\":0}\n{\"input\":\"" + input_ +
                "\",\"first_line\":4,\"last_line\":4,\"partitions\":[{\"partition\":" + partition +
                ",\"base_offset\":2,\"count\":1}],\"too_large\":0}\n");
}

TEST_F(IngestTest, NamesAMissingFileBeforeAnythingIsRead) {
  WriteInput(Event(1, 1) + "\n");
  IngestOptions options;
  options.paths = {input_, directory_ + "/missing.jsonl"};
  const auto report = Ingest(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code(), Code::kNotFound);
  EXPECT_NE(report.error().message().find("missing.jsonl"), std::string::npos);
  EXPECT_TRUE(Values("iot.raw").empty());
}

TEST_F(IngestTest, RefusesACompressedFileAndSaysHow) {
  WriteInput("\x1f\x8b\x08 and so on");
  const auto report = Ingest();
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().message().find("zcat"), std::string::npos);
}

TEST_F(IngestTest, FollowTakesALineWhenItIsComplete) {
  WriteInput(Event(1, 1) + "\n{\"device_id\":");
  const IngestReport report = Follow([&](const auto& wait_for) {
    wait_for(1);
    AppendInput("\"dev_2\"}\n");
    wait_for(2);
  });
  EXPECT_EQ(report.lines, 2U);
  EXPECT_TRUE(Values("iot.raw").contains("{\"device_id\":\"dev_2\"}"));
}

TEST_F(IngestTest, FollowReadsARotatedFileToItsEndAndGoesOnWithTheNewOne) {
  WriteInput(Event(1, 1) + "\n");
  Follow([&](const auto& wait_for) {
    wait_for(1);
    AppendInput(Event(1, 2) + "\nlast without end");
    std::filesystem::rename(input_, input_ + ".1");
    WriteInput(Event(1, 3) + "\n");
    wait_for(4);
  });
  EXPECT_EQ(Values("iot.raw"), (std::multiset<std::string>{Event(1, 1), Event(1, 2),
                                                           "last without end", Event(1, 3)}));
}

TEST_F(IngestTest, FollowStartsAtTheHeadOfATruncatedFile) {
  WriteInput(Event(1, 1) + "\n" + Event(1, 2) + "\n");
  Follow([&](const auto& wait_for) {
    wait_for(2);
    WriteInput(Event(1, 3) + "\n");
    wait_for(3);
  });
  EXPECT_TRUE(Values("iot.raw").contains(Event(1, 3)));
}

}  // namespace
}  // namespace tocsin
