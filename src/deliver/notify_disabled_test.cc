#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>

#include "deliver/dispatcher.h"
#include "deliver/notify_fixture.h"

// A service that ends its channel (410) while other messages are under way or wait.
namespace tocsin {
namespace {

using test::NotifyTest;

SendResult Gone() {
  return {.outcome = SendResult::Outcome::kDisabled, .status = 410, .message = "gone"};
}

class NotifyDisabledTest : public NotifyTest {
 protected:
  // No storm makes digests of so many.
  NotifyDisabledTest() { options_.notifier.storm_per_minute_of = {{"default", 1'000'000}}; }
  void Alerts(int count) {
    for (int i = 0; i < count; ++i) Alert("dev_" + std::to_string(i));
  }
  std::int64_t Dead() const { return metrics_.Get(Metric::kNotificationsDead); }
};

TEST_F(NotifyDisabledTest, NothingWaitsForTheRequestsThatWereUnderWay) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> requests{0};
  services_["a"].answer = [&](const SendContext&) {
    if (++requests > 1) released.wait();
    return Gone();
  };
  Start({"a"});
  Alerts(20);
  // The second request may have begun before the first answer was seen, no other.
  StepUntil([&] { return Dead() >= 19; });
  EXPECT_LE(requests.load(), 2);
  release.set_value();
  Settle();
  EXPECT_EQ(Dead(), 20);
  EXPECT_EQ(Count(List(), R"("state":"dead")"), 20u);
}

TEST_F(NotifyDisabledTest, ManyRowsEndInBatchesAndAreToldOfOnce) {
  constexpr std::int64_t kAlerts = 2'500;
  services_["a"].answer = [](const SendContext&) { return Gone(); };
  Start({"a", "b"});
  Alerts(kAlerts);
  std::int64_t most = 0;
  std::int64_t before = 0;
  StepUntil([&] {
    most = std::max(most, Dead() - before);
    before = Dead();
    return stage_->Idle();
  });
  EXPECT_EQ(Dead(), kAlerts);
  EXPECT_LE(most, static_cast<std::int64_t>(Dispatcher::kBuryAtOnce + Dispatcher::kWindow));
  std::size_t told = 0;
  for (const auto& arrival : services_["b"].arrivals()) {
    told += Count(arrival.body, "TocsinDeliveryFailed");
  }
  EXPECT_EQ(told, 1u);
}

TEST_F(NotifyDisabledTest, ARestartEndsWhatWasLeft) {
  services_["a"].answer = [](const SendContext&) { return Gone(); };
  Start({"a"});
  Alerts(1'500);
  StepUntil([&] { return Dead() >= 500; });
  Crash({"a"});
  Settle();
  Ask([&] {
    const std::string channels = stage_->ChannelsJson().value_or("");
    EXPECT_NE(channels.find(R"("queued":0,"sending":0)"), std::string::npos) << channels;
  });
}

}  // namespace
}  // namespace tocsin
