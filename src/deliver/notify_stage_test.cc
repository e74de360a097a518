#include "deliver/notify_stage.h"

#include <gtest/gtest.h>

#include "deliver/notify_fixture.h"

namespace tocsin {
namespace {

using test::FakeService;
using test::NotifyTest;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kHour = 3600 * kSecond;

SendResult Unavailable(int status = 503, std::int64_t retry_after_us = -1) {
  return {.outcome = SendResult::Outcome::kRetry,
          .status = status,
          .message = "no",
          .retry_after_us = retry_after_us};
}

TEST_F(NotifyTest, AnAlertGoesToEveryChannelOfItsReceiverOnce) {
  Start({"a", "b"});
  Alert("dev_1");
  Settle();
  ASSERT_EQ(services_["a"].arrivals().size(), 1u);
  ASSERT_EQ(services_["b"].arrivals().size(), 1u);
  EXPECT_EQ(services_["a"].arrivals()[0].body, "hot+dev_1 ");
  EXPECT_NE(services_["a"].arrivals()[0].id, services_["b"].arrivals()[0].id);
  EXPECT_EQ(Count(List(), R"("state":"done")"), 2u);
}

TEST_F(NotifyTest, NothingIsSentBeforeTheCommitThatMarksIt) {
  Start({"a"});
  Alert("dev_1");
  Step(/*hand_over=*/false);
  EXPECT_TRUE(services_["a"].arrivals().empty());
  std::size_t sending = 0;
  test::Must(log_->ReadState("notify", 0, [&](std::string_view key, std::string_view value) {
    Delivery row;
    if (key.starts_with("d/") && DecodeDelivery(value, row)) {
      sending += row.state == Delivery::State::kSending ? 1 : 0;
    }
  }));
  EXPECT_EQ(sending, 1u);
  stage_->Committed();
  Settle();
  EXPECT_EQ(services_["a"].arrivals().size(), 1u);
}

TEST_F(NotifyTest, AFailureIsTriedAgainWithTheSameId) {
  services_["a"].answer = [](const SendContext& context) {
    return context.attempt < 3 ? Unavailable(500) : SendResult{};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  for (int i = 0; i < 2; ++i) {
    clock_.Advance(60 * kSecond);
    Settle();
    StepUntil([&] { return services_["a"].arrivals().size() >= static_cast<std::size_t>(i) + 2; });
  }
  Settle();
  const auto arrivals = services_["a"].arrivals();
  ASSERT_EQ(arrivals.size(), 3u);
  EXPECT_EQ(arrivals[0].id, arrivals[2].id);
  EXPECT_EQ(arrivals[2].attempt, 3u);
  EXPECT_EQ(arrivals[0].body, arrivals[2].body);
}

TEST_F(NotifyTest, RetryAfterHoldsTheWholeChannel) {
  services_["a"].answer = [](const SendContext& context) {
    return context.attempt == 1 ? Unavailable(429, 600 * kSecond) : SendResult{};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  Alert("dev_2");
  clock_.Advance(599 * kSecond);
  Settle();
  EXPECT_EQ(services_["a"].arrivals().size(), 1u);
  clock_.Advance(kSecond);
  StepUntil([&] { return services_["a"].arrivals().size() >= 2; });
}

TEST_F(NotifyTest, ADeadChannelDelaysNoOther) {
  services_["a"].answer = [](const SendContext&) { return Unavailable(500); };
  Start({"a", "b"});
  for (int i = 0; i < 30; ++i) {
    Alert("dev_" + std::to_string(i));
    Settle();
  }
  EXPECT_EQ(services_["b"].arrivals().size(), 30u);
  EXPECT_LT(services_["a"].arrivals().size(), 14u);  // the breaker opened
}

TEST_F(NotifyTest, ARefusalIsADeadLetterAndToldOnAnotherChannel) {
  services_["a"].answer = [](const SendContext&) {
    return SendResult{.outcome = SendResult::Outcome::kDead, .status = 400, .message = "bad"};
  };
  Start({"a", "b"});
  Alert("dev_1");
  Settle();
  StepUntil([&] { return services_["b"].arrivals().size() >= 2; });
  Settle();
  EXPECT_EQ(services_["a"].arrivals().size(), 1u);
  ASSERT_EQ(services_["b"].arrivals().size(), 2u);
  EXPECT_EQ(services_["b"].arrivals()[1].body, "TocsinDeliveryFailed+a ");
  EXPECT_EQ(metrics_.Get(Metric::kNotificationsDead), 1);
}

TEST_F(NotifyTest, AMetaAlertThatDiesIsToldToNobody) {
  for (const char* name : {"a", "b"}) {
    services_[name].answer = [](const SendContext&) {
      return SendResult{.outcome = SendResult::Outcome::kDead, .status = 400, .message = "bad"};
    };
  }
  Start({"a", "b"});
  Alert("dev_1");
  Settle();
  clock_.Advance(kHour);
  Settle();
  clock_.Advance(kHour);
  Settle();
  EXPECT_LE(services_["a"].arrivals().size() + services_["b"].arrivals().size(), 4u);
}

TEST_F(NotifyTest, GoneDisablesTheChannelForGood) {
  services_["a"].answer = [](const SendContext&) {
    return SendResult{.outcome = SendResult::Outcome::kDisabled, .status = 410, .message = "gone"};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  Crash({"a"});
  Alert("dev_2");
  Settle();
  EXPECT_EQ(services_["a"].arrivals().size(), 1u);
  EXPECT_EQ(Count(List(), R"("state":"dead")"), 2u);
}

TEST_F(NotifyTest, WhatIsTooOldIsDead) {
  services_["a"].answer = [](const SendContext&) { return Unavailable(500); };
  options_.max_age_us = kHour;
  Start({"a"});
  Alert("dev_1");
  Settle();
  clock_.Advance(kHour);
  Settle();
  EXPECT_EQ(Count(List(), R"("state":"dead")"), 1u);
}

TEST_F(NotifyTest, TheRateOfAChannelHolds) {
  rate_ = 60;  // bursts of ten
  Start({"a"});
  for (int i = 0; i < 15; ++i) Alert("dev_" + std::to_string(i));
  StepUntil([&] { return services_["a"].arrivals().size() >= 10; });
  Step();
  EXPECT_EQ(services_["a"].arrivals().size(), 10u);
  EXPECT_FALSE(stage_->Idle());
  clock_.Advance(2 * kSecond);
  StepUntil([&] { return services_["a"].arrivals().size() >= 12; });
  Step();
  EXPECT_EQ(services_["a"].arrivals().size(), 12u);
}

TEST_F(NotifyTest, WhatHasNoRoomIsCountedAndToldByADigest) {
  bool down = true;
  services_["a"].answer = [&](const SendContext&) {
    return down ? Unavailable(500) : SendResult{};
  };
  options_.outbox_bytes = 20 * Outbox::kRowBytes;
  Start({"a"});
  for (int i = 0; i < 50; ++i) Alert("dev_" + std::to_string(i));
  Settle();
  const std::int64_t left_out = metrics_.Get(Metric::kNotificationsLeftOut);
  EXPECT_GT(left_out, 20);
  down = false;
  clock_.Advance(400 * kSecond);
  StepUntil([&] {
    const auto arrivals = services_["a"].arrivals();
    return !arrivals.empty() && arrivals.back().body == "digest";
  });
}

TEST_F(NotifyTest, AMessageThatCannotBeWrittenIsADeadLetter) {
  services_["a"].refuses_to_render = true;
  Start({"a"});
  Alert("dev_1");
  Settle();
  EXPECT_TRUE(services_["a"].arrivals().empty());
  EXPECT_EQ(Count(List(), R"("state":"dead")"), 1u);
}

TEST_F(NotifyTest, ARecordThatIsNoAlertIsPassedOver) {
  Start({"a"});
  test::AppendValues(*log_, "iot.alerts", 0, {"nonsense", "{}", ""});
  Alert("dev_1");
  Settle();
  EXPECT_EQ(metrics_.Get(Metric::kNotifyBadRecords), 3);
  EXPECT_EQ(services_["a"].arrivals().size(), 1u);
}

TEST_F(NotifyTest, ACleanStopLeavesNothingInDoubt) {
  Start({"a"});
  for (int i = 0; i < 20; ++i) Alert("dev_" + std::to_string(i));
  Step();
  Collector collector;
  if (test::Must(stage_->Finish(collector))) Commit();
  Crash({"a"});
  Settle();
  std::set<std::string> ids;
  for (const auto& arrival : services_["a"].arrivals()) {
    EXPECT_FALSE(arrival.possible_repeat);
    EXPECT_TRUE(ids.insert(arrival.id).second);
  }
  EXPECT_EQ(ids.size(), 20u);
}

}  // namespace
}  // namespace tocsin
