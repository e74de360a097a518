#include "app/record_json.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

class RecordJsonTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(log_->EnsureTopic("t", {.partitions = 1})); }

  void Append(std::optional<std::string_view> key, std::string_view value,
              const std::vector<RecordHeader>& headers = {}) {
    RecordBatchBuilder batch;
    batch.Append(key, value, EncodeHeaders(headers));
    auto transaction = log_->Begin();
    ASSERT_TRUE((*transaction)->Append({"t", 0}, batch));
    ASSERT_TRUE((*transaction)->Commit());
  }
  std::vector<std::string> Json(std::int64_t from, std::int64_t end) {
    std::vector<std::string> out;
    EXPECT_TRUE(VisitRecords(*log_, {"t", 0}, from, end,
                             [&](const RecordBatch& batch, const Record& record) {
                               out.push_back(RecordJson({"t", 0}, batch, record));
                               return true;
                             }));
    return out;
  }

  ManualClock clock_{1'234'000};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
};

TEST_F(RecordJsonTest, WritesTheContractsFields) {
  Append("dev_1", "{\"a\":\"ü\"}", {{"tocsin.reason", "late"}});
  EXPECT_EQ(Json(0, 1),
            (std::vector<std::string>{R"({"topic":"t","partition":0,"offset":0,"key":"dev_1",)"
                                      R"("timestamp_ms":1234,"headers":{"tocsin.reason":"late"},)"
                                      R"("value":"{\"a\":\"ü\"}"})"}));
}

TEST_F(RecordJsonTest, WritesBytesThatAreNotTextAsBase64AndAMissingKeyAsNull) {
  Append(std::nullopt, "\xff\xfe", {{"h", "\xff"}});
  EXPECT_EQ(Json(0, 1), (std::vector<std::string>{
                            R"({"topic":"t","partition":0,"offset":0,"key":null,)"
                            R"("timestamp_ms":1234,"headers":{"h":{"value_base64":"/w=="}},)"
                            R"("value_base64":"//4="})"}));
}

TEST_F(RecordJsonTest, VisitsExactlyTheOffsetsAskedForAndPassesOverWhatIsGone) {
  for (int i = 0; i < 5; ++i) Append("k", std::to_string(i));
  EXPECT_EQ(Json(1, 3).size(), 2U);
  log_->RemoveBefore({"t", 0}, 2);
  EXPECT_EQ(Json(0, 5).size(), 3U);
}

}  // namespace
}  // namespace tocsin
