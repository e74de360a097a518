#include "log/cluster_wait.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

// Each call takes a second of the clock.
struct Cluster {
  ManualClock clock;
  int calls = 0;
  int away_until;
  Code code = Code::kUnavailable;

  explicit Cluster(int calls_away) : away_until(calls_away) {}
  Result<int> Ask() {
    clock.Advance(1'000'000);
    if (++calls <= away_until) return Fail(code, "away");
    return calls;
  }
  Result<int> Wait(std::int64_t timeout_us, std::stop_token stop = {}) {
    const ClusterWait wait{clock, timeout_us, std::move(stop)};
    return wait.Until([&] { return Ask(); });
  }
};

TEST(ClusterWaitTest, AsksUntilTheClusterAnswers) {
  Cluster cluster(3);
  EXPECT_EQ(cluster.Wait(0).value(), 4);
}

TEST(ClusterWaitTest, EndsWithTheLastErrorAfterTheTimeout) {
  Cluster cluster(100);
  const auto answer = cluster.Wait(2'000'000);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kUnavailable);
  EXPECT_EQ(cluster.calls, 2);
}

TEST(ClusterWaitTest, OtherErrorsEndItAtOnce) {
  Cluster cluster(100);
  cluster.code = Code::kConfiguration;
  EXPECT_EQ(cluster.Wait(0).error().code(), Code::kConfiguration);
  EXPECT_EQ(cluster.calls, 1);
}

TEST(ClusterWaitTest, AStopEndsIt) {
  Cluster cluster(100);
  std::stop_source stop;
  stop.request_stop();
  const auto answer = cluster.Wait(0, stop.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kCancelled);
  EXPECT_EQ(answer.error().message(), "stopped while waiting: away");
}

}  // namespace
}  // namespace tocsin
