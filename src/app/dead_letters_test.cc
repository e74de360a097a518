#include "app/dead_letters.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "log/dead_letter.h"
#include "log/partitioner.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

class DeadLettersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(log_->EnsureTopic("iot.raw", {}));
    ASSERT_TRUE(log_->EnsureTopic("iot.dlq", {}));
  }

  void AddLetter(std::string_view reason, std::string_view value,
                 std::int64_t truncated_from = -1) {
    DeadLetter letter;
    letter.reason = reason;
    letter.message = "why";
    letter.topic = "iot.raw";
    letter.partition = 2;
    letter.offset = 7;
    letter.stage = "process";
    letter.truncated_from = truncated_from;
    RecordBatchBuilder batch;
    batch.Append(std::nullopt, value, DeadLetterHeaders(letter));
    auto transaction = log_->Begin();
    ASSERT_TRUE((*transaction)->Append({"iot.dlq", 1}, batch));
    ASSERT_TRUE((*transaction)->Commit());
  }
  ReplayReport Replay(std::string_view reason = "") {
    auto report = ReplayDeadLetters(settings_, *log_, reason, [] { return false; });
    EXPECT_TRUE(report) << report.error().message();
    return report.value_or(ReplayReport{});
  }
  std::int64_t RawRecords(std::int32_t partition) {
    return log_->Offsets({"iot.raw", partition})->latest;
  }

  ManualClock clock_{5'000};
  Settings settings_;
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
};

TEST_F(DeadLettersTest, ReplaysEachLetterOnceIntoItsDevicesPartition) {
  AddLetter("late", R"({"device_id":"dev_7"})");
  EXPECT_EQ(Replay().replayed, 1U);
  EXPECT_EQ(RawRecords(PartitionOf("dev_7", 4)), 1);
  const ReplayReport again = Replay();
  EXPECT_EQ(again.replayed, 0U);
  EXPECT_EQ(again.replayed_before, 1U);
  EXPECT_EQ(RawRecords(PartitionOf("dev_7", 4)), 1);
}

TEST_F(DeadLettersTest, ReplaysOneReasonOnlyWhenAsked) {
  AddLetter("late", R"({"device_id":"a"})");
  AddLetter("bad_timestamp", R"({"device_id":"b"})");
  EXPECT_EQ(Replay("late").replayed, 1U);
  EXPECT_EQ(Replay().replayed, 1U);
}

TEST_F(DeadLettersTest, LeavesOutWhatWasCutAndCountsIt) {
  AddLetter("too_large", "head", 100'000);
  const ReplayReport report = Replay();
  EXPECT_EQ(report.replayed, 0U);
  EXPECT_EQ(report.truncated, 1U);
}

TEST_F(DeadLettersTest, ARefusedReplayLeavesNoMark) {
  AddLetter("late", R"({"device_id":"dev_7"})");
  log_->FailCommits(1, Code::kResourceExhausted);
  EXPECT_FALSE(ReplayDeadLetters(settings_, *log_, "", [] { return false; }));
  EXPECT_EQ(Replay().replayed, 1U);
}

TEST_F(DeadLettersTest, ShowsPlaceReasonMessageSourceAndValue) {
  AddLetter("late", "x");
  std::vector<std::string> shown;
  ASSERT_TRUE(VisitDeadLetters(*log_, "iot.dlq", "", [&](const StoredDeadLetter& letter) {
    shown.push_back(DeadLetterJson(letter));
    return true;
  }));
  EXPECT_EQ(shown, (std::vector<std::string>{
                       R"({"partition":1,"offset":0,"timestamp_ms":5,"reason":"late",)"
                       R"("message":"why","source":{"topic":"iot.raw","partition":2,"offset":7},)"
                       R"("stage":"process","truncated":false,"size":1,"key":null,"value":"x"})"}));
}

}  // namespace
}  // namespace tocsin
