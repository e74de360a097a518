#include "live_view/live_view.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/wait.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

constexpr std::int64_t kStartUs = 1'700'000'000'000'000;

std::string Processed(const std::string& device, int second, double temperature,
                      const std::string& tail = "false,\"reason\":null}") {
  char text[256];
  std::snprintf(text, sizeof text,
                R"({"device_id":"%s","timestamp":"2025-01-01T00:00:%02dZ","temperature":%g,)"
                R"("humidity":50,"is_alert":%s)",
                device.c_str(), second, temperature, tail.c_str());
  return text;
}

std::string AlertJson(const std::string& id, const std::string& device, bool firing) {
  return R"({"id":")" + id + R"(","fingerprint":"f","rule":"hot","severity":"warning","state":")" +
         (firing ? "firing" : "resolved") + R"(","device_id":")" + device +
         R"(","timestamp":"2025-01-01T00:00:00Z","temperature":1,"humidity":1,"status":"ALERT",)"
         R"("reason":"hot","starts_at":"2025-01-01T00:00:00Z","ends_at":)" +
         (firing ? "null" : R"("2025-01-01T00:01:00Z")") +
         R"(,"event_count":1,"labels":{},"annotations":{},"value":60})";
}

class LiveViewTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const std::string& topic : {settings_.raw_topic, settings_.processed_topic,
                                     settings_.alert_topic, settings_.dlq_topic}) {
      ASSERT_TRUE(log_->EnsureTopic(topic, {.partitions = 2}));
    }
  }
  void TearDown() override { thread_ = {}; }

  void Append(const std::string& topic, const std::vector<std::string>& values,
              std::int32_t partition = 0) {
    RecordBatchBuilder batch;
    for (const std::string& value : values) batch.Append(std::nullopt, value);
    auto transaction = log_->Begin();
    ASSERT_TRUE(transaction);
    ASSERT_TRUE((*transaction)->Append({topic, partition}, batch));
    ASSERT_TRUE((*transaction)->Commit());
  }
  void Start() {
    view_ = LiveView::Make(settings_, *log_, clock_);
    view_->SetOnAlert([this](const std::string& positions, const AlertMessage& alert) {
      told_.emplace_back(positions, alert.id);
    });
    thread_ = std::jthread([this](std::stop_token stop) { view_->Run(std::move(stop)); });
    WaitFor([this] { return view_->ready(); });
  }
  template <class Condition>
  void WaitFor(Condition condition) {
    for (int i = 0; i < 2'000 && !condition(); ++i) WaitUs(5'000, {});
    ASSERT_TRUE(condition());
  }

  Settings settings_;
  ManualClock clock_{kStartUs};
  std::unique_ptr<MemoryLog> log_ = MemoryLog::Make(clock_);
  std::unique_ptr<LiveView> view_;
  std::vector<std::pair<std::string, std::string>> told_;
  std::jthread thread_;
};

TEST_F(LiveViewTest, ReadsWhatWasThereAndWhatComes) {
  Append(settings_.processed_topic, {Processed("a", 1, 20), Processed("b", 2, 30), "no event"});
  Start();
  EXPECT_EQ(view_->Figures().devices, 2u);
  Append(settings_.processed_topic, {Processed("a", 3, 22)}, 1);
  WaitFor([this] { return view_->Device("a")->events == 2; });
  const auto device = view_->Device("a");
  EXPECT_EQ(device->values, (std::vector<double>{22, 50}));
  const auto readings = view_->Readings("a", 0, INT64_MIN, INT64_MAX);
  ASSERT_EQ(readings.size(), 2u);
  EXPECT_EQ(readings[0].second, 20);
  EXPECT_EQ(readings[1].second, 22);
  EXPECT_EQ(view_->Trend(0, INT64_MIN, INT64_MAX).size(), 1u);
  EXPECT_EQ(view_->Trend(0, INT64_MIN, INT64_MAX)[0].second.count, 3u);
  const auto places = view_->Events("a", 10);
  ASSERT_EQ(places.size(), 2u);
  EXPECT_EQ(places[0].partition, 1);
  EXPECT_EQ(view_->Statistics("a").metrics[0].avg(), 21);
}

TEST_F(LiveViewTest, AnEventThatSpeaksOfAlertsItselfIsReadRight) {
  Append(settings_.processed_topic,
         {R"({"device_id":"a","timestamp":"2025-01-01T00:00:00Z","temperature":1,"humidity":2,)"
          R"("note":",\"is_alert\":true","is_alert":false,"reason":null})"});
  Start();
  ASSERT_TRUE(view_->Device("a"));
  EXPECT_EQ(view_->Device("a")->values, (std::vector<double>{1, 2}));
}

TEST_F(LiveViewTest, DevicesGoOfflineByTheClockAlone) {
  Append(settings_.processed_topic, {Processed("a", 1, 20)});
  Start();
  EXPECT_EQ(view_->Figures().online, 1u);
  clock_.Advance(settings_.device_offline_after_us + 1'000'000);
  EXPECT_EQ(view_->Figures().offline, 1u);
  DeviceQuery query;
  query.which = DeviceQuery::Which::kOffline;
  EXPECT_EQ(view_->Devices(query).total, 1u);
}

TEST_F(LiveViewTest, OldTransitionsAreHistoryAndNewOnesAreTold) {
  Append(settings_.processed_topic, {Processed("a", 1, 60)});
  Append(settings_.alert_topic, {AlertJson("1", "a", true)});
  Start();
  EXPECT_EQ(view_->Figures().alerts_firing, 1u);
  EXPECT_EQ(view_->Device("a")->state, DeviceView::State::kAlert);
  const std::string start = view_->AlertPositions();
  EXPECT_EQ(start, "0:1,1:0");
  Append(settings_.alert_topic, {AlertJson("2", "b", true)}, 1);
  Append(settings_.alert_topic, {AlertJson("1", "a", false)});
  WaitFor([this] { return view_->AlertPositions() == "0:2,1:1"; });
  thread_ = {};
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_EQ(view_->Figures().alerts_firing, 1u);
  EXPECT_EQ(view_->Device("a")->state, DeviceView::State::kOk);
  const auto since = view_->TransitionsSince(start);
  ASSERT_TRUE(since);
  EXPECT_EQ(since->size(), 2u);
  ASSERT_TRUE(view_->TransitionsSince("0:2,1:0"));
  EXPECT_EQ(view_->TransitionsSince("0:2,1:0")->size(), 1u);
  for (const char* none : {"0:0,1:0", "0:3,1:0", "0:1", "0:1,1:0,", "0:1,1:x", "", "1:0,0:1"}) {
    EXPECT_FALSE(view_->TransitionsSince(none)) << none;
  }
}

TEST_F(LiveViewTest, ChangesAreTakenOnce) {
  Append(settings_.processed_topic,
         {Processed("a", 1, 20), Processed("b", 1, 20), Processed("c", 1, 20)});
  Start();
  bool more = false;
  EXPECT_EQ(view_->TakeChanged(2, more).size(), 2u);
  EXPECT_TRUE(more);
  EXPECT_EQ(view_->TakeChanged(2, more).size(), 1u);
  EXPECT_FALSE(more);
  EXPECT_EQ(view_->TakeChanged(2, more).size(), 0u);
}

TEST_F(LiveViewTest, AFetchThatFailsIsTriedAgain) {
  Append(settings_.processed_topic, {Processed("a", 1, 20)});
  log_->FailFetches(1, Code::kUnavailable);
  Start();
  EXPECT_EQ(view_->Figures().devices, 1u);
}

}  // namespace
}  // namespace tocsin
