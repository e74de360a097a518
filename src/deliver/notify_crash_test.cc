#include <gtest/gtest.h>

#include <map>

#include "deliver/notify_fixture.h"

namespace tocsin {
namespace {

using test::NotifyTest;

constexpr std::int64_t kHour = 3'600'000'000;

class NotifyCrashTest : public NotifyTest {
 protected:
  // Random outcomes, and the process dies after random commits.
  void RunWithCrashes(std::uint64_t seed, bool deduplicates) {
    SeededRandom chance(seed);
    std::mutex mutex;
    services_["a"].deduplicates = deduplicates;
    services_["a"].answer = [&](const SendContext&) {
      const std::lock_guard lock(mutex);
      if (chance.NextBelow(3) > 0) return SendResult{};
      return SendResult{.outcome = SendResult::Outcome::kRetry, .status = 500, .message = "no"};
    };
    Start({"a"});
    const std::size_t alerts = 40;
    crashes_ = 0;
    for (std::size_t i = 0; i < alerts; ++i) {
      Alert("dev_" + std::to_string(i));
      std::uint64_t dice = 0;
      {
        const std::lock_guard lock(mutex);
        dice = chance.NextBelow(6);
      }
      Step(/*hand_over=*/dice != 0);
      if (dice < 2) {
        Crash({"a"});
        ++crashes_;
      }
    }
    for (int i = 0; i < 400 && Count(List(), R"("state":"done")") < alerts; ++i) {
      clock_.Advance(kHour / 6);
      Settle();
    }
    EXPECT_EQ(Count(List(), R"("state":"done")"), alerts) << "seed " << seed;
  }

  int crashes_ = 0;
};

TEST_F(NotifyCrashTest, NothingIsLostAndRepeatsCarryTheirId) {
  RunWithCrashes(1, true);
  std::map<std::string, std::string> body_of;
  std::set<std::string> bodies;
  for (const auto& arrival : services_["a"].arrivals()) {
    const auto [at, fresh] = body_of.emplace(arrival.id, arrival.body);
    EXPECT_EQ(at->second, arrival.body);
    bodies.insert(arrival.body);
  }
  EXPECT_EQ(body_of.size(), 40u);  // one id an alert: no repeat where ids are dropped
  EXPECT_EQ(bodies.size(), 40u);
}

TEST_F(NotifyCrashTest, WithoutDeduplicationAtMostOneMessageACrashIsInDoubt) {
  RunWithCrashes(2, false);
  std::size_t in_doubt = 0;
  std::set<std::string> seen;
  for (const auto& arrival : services_["a"].arrivals()) {
    if (arrival.possible_repeat && seen.insert(arrival.id).second) ++in_doubt;
  }
  EXPECT_LE(in_doubt, static_cast<std::size_t>(crashes_));
  EXPECT_GT(crashes_, 0);
}

}  // namespace
}  // namespace tocsin
