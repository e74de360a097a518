#include "app/run_summary.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

RunSummary Balanced() {
  RunSummary summary;
  summary.counts.read = 10;
  summary.counts.processed = 7;
  summary.counts.duplicates = 1;
  summary.counts.dlq[static_cast<std::size_t>(RejectReason::kLate)] = 2;
  summary.waiting = 4;
  summary.appended = 9;
  summary.generated = 9;
  summary.lag = 3;
  return summary;
}

TEST(RunSummaryTest, CountsWhatCameButIsNowhere) {
  RunSummary summary = Balanced();
  EXPECT_EQ(summary.unaccounted(), 0);
  summary.counts.processed = 6;
  EXPECT_EQ(summary.unaccounted(), 1);
}

TEST(RunSummaryTest, JsonHasEveryReasonAndTheKeysOfTheContract) {
  const std::string json = Balanced().ToJson(Metrics());
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    const std::string name(RejectReasonName(static_cast<RejectReason>(i)));
    EXPECT_NE(json.find("\"" + name + "\":"), std::string::npos) << name;
  }
  for (const char* key : {"\"read\":10", "\"processed\":7", "\"late\":2", "\"duplicates\":1",
                          "\"alerts\":{\"firing\":0,\"resolved\":0", "\"lag\":3",
                          "\"seconds\":", "\"generated\":9", "\"metrics\":{"}) {
    EXPECT_NE(json.find(key), std::string::npos) << key;
  }
}

TEST(RunSummaryTest, TextNamesTheReasonsThatOccurred) {
  const std::string text = Balanced().ToText();
  EXPECT_NE(text.find("late 2"), std::string::npos) << text;
  EXPECT_EQ(text.find("bad_timestamp"), std::string::npos) << text;
}

}  // namespace
}  // namespace tocsin
