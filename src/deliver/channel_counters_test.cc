#include "deliver/channel_counters.h"

#include <gtest/gtest.h>

#include "deliver/notify_fixture.h"
#include "metrics/metrics_table.h"

namespace tocsin {
namespace {

using Outcome = SendResult::Outcome;

TEST(ChannelCountersTest, EachKindOfChannelHasItsLabel) {
  ASSERT_EQ(ChannelKinds().size(), kChannelLabels.size());
  for (std::size_t i = 0; i < kChannelLabels.size(); ++i) {
    EXPECT_EQ(ChannelKinds()[i]->name, kChannelLabels[i]);
    EXPECT_EQ(ChannelKindIndex(kChannelLabels[i]), i);
  }
  EXPECT_EQ(kSendLabels[static_cast<std::size_t>(Outcome::kDelivered)], "delivered");
  EXPECT_EQ(kSendLabels[static_cast<std::size_t>(Outcome::kRetry)], "retry");
  EXPECT_EQ(kSendLabels[static_cast<std::size_t>(Outcome::kDead)], "dead");
  EXPECT_EQ(kSendLabels[static_cast<std::size_t>(Outcome::kDisabled)], "disabled");
  EXPECT_EQ(kChannelResultLabels[static_cast<std::size_t>(ChannelResult::kLeftOut)], "left_out");
}

TEST(ChannelCountersTest, GaugesAreSumsOverTheChannelsOfAKind) {
  Metrics metrics;
  ChannelCounters counters(metrics);
  const std::size_t slack = ChannelKindIndex("slack");
  counters.BeginGauges();
  counters.Channel("slack", 3, true, false);
  counters.Channel("slack", 4, true, true);
  counters.Channel("email", 5, false, false);
  counters.EndGauges();
  EXPECT_EQ(metrics.Get(Metric::kChannelQueued, slack), 7);
  EXPECT_EQ(metrics.Get(Metric::kChannelBreakersOpen, slack), 2);
  EXPECT_EQ(metrics.Get(Metric::kChannelsDisabled, slack), 1);
  EXPECT_EQ(metrics.Get(Metric::kChannelQueued, ChannelKindIndex("email")), 5);
  counters.BeginGauges();
  counters.EndGauges();
  EXPECT_EQ(metrics.Get(Metric::kChannelQueued, slack), 0);
}

class ChannelMetricsTest : public test::NotifyTest {
 protected:
  ChannelMetricsTest() { kind_ = "slack"; }
  std::int64_t Attempts(Outcome outcome) const {
    return metrics_.Get(Metric::kChannelAttempts, PairIndex(Metric::kChannelAttempts, slack_,
                                                            static_cast<std::size_t>(outcome)));
  }
  std::int64_t Ended(ChannelResult result) const {
    return metrics_.Get(Metric::kChannelDeliveries, PairIndex(Metric::kChannelDeliveries, slack_,
                                                              static_cast<std::size_t>(result)));
  }
  const std::size_t slack_ = ChannelKindIndex("slack");
};

TEST_F(ChannelMetricsTest, AttemptsBreakerAndDeliveryAreCountedByKind) {
  bool down = true;
  services_["a"].answer = [&](const SendContext&) {
    clock_.Advance(250'000);
    return down ? SendResult{.outcome = Outcome::kRetry, .status = 500, .message = "down"}
                : SendResult{};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  for (int attempt = 2; attempt <= 5; ++attempt) {
    clock_.Advance(60'000'000);
    StepUntil([&] { return Attempts(Outcome::kRetry) == attempt; });
  }
  EXPECT_EQ(metrics_.Get(Metric::kChannelBreakersOpen, slack_), 1);
  EXPECT_EQ(metrics_.Get(Metric::kChannelQueued, slack_), 1);
  EXPECT_EQ(metrics_.Get(Metric::kChannelAttemptMicroseconds, slack_), 5 * 250'000);
  EXPECT_EQ(Ended(ChannelResult::kDone), 0);
  down = false;
  clock_.Advance(60'000'000);
  StepUntil([&] { return Attempts(Outcome::kDelivered) == 1; });
  EXPECT_EQ(metrics_.Get(Metric::kChannelBreakersOpen, slack_), 0);
  EXPECT_EQ(metrics_.Get(Metric::kChannelQueued, slack_), 0);
  EXPECT_EQ(Ended(ChannelResult::kDone), 1);
  EXPECT_GE(metrics_.Get(Metric::kChannelDeliveryMicroseconds, slack_), 5 * 60'000'000);
}

TEST_F(ChannelMetricsTest, WhatIsRefusedIsDeadAndWhatHasNoRoomIsLeftOut) {
  services_["a"].answer = [](const SendContext&) {
    return SendResult{.outcome = Outcome::kDead, .status = 400, .message = "bad"};
  };
  Start({"a"});
  Alert("dev_1");
  Settle();
  EXPECT_EQ(Attempts(Outcome::kDead), 1);
  EXPECT_EQ(Ended(ChannelResult::kDead), 1);
  options_.outbox_bytes = 1;
  Crash({"a"});
  Alert("dev_2");
  Step();
  Step();
  EXPECT_GE(Ended(ChannelResult::kLeftOut), 1);
}

}  // namespace
}  // namespace tocsin
