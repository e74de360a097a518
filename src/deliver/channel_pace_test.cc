#include "deliver/channel_pace.h"

#include <gtest/gtest.h>

#include <limits>

#include "deliver/backoff.h"

namespace tocsin {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kStart = 1'000 * kSecond;

void FailAttempt(ChannelPace& pace, std::int64_t now_us) {
  pace.Started(now_us);
  pace.Failed(now_us);
}

TEST(ChannelPaceTest, ABurstGoesAtOnceThenTheRateHolds) {
  ChannelPace pace(60);  // one a second, bursts of ten
  for (int i = 0; i < 10; ++i) {
    ASSERT_LE(pace.ReadyUs(kStart), kStart) << i;
    pace.Started(kStart);
  }
  EXPECT_EQ(pace.ReadyUs(kStart), kStart + kSecond);
  EXPECT_LE(pace.ReadyUs(kStart + kSecond), kStart + kSecond);
}

TEST(ChannelPaceTest, WithoutARateNothingWaits) {
  ChannelPace pace(0);
  for (int i = 0; i < 1000; ++i) pace.Started(kStart);
  EXPECT_LE(pace.ReadyUs(kStart), kStart);
}

TEST(ChannelPaceTest, TheBreakerOpensAfterFiveFailuresInARow) {
  ChannelPace pace(0);
  for (int i = 0; i < 4; ++i) FailAttempt(pace, kStart);
  EXPECT_TRUE(pace.closed());
  FailAttempt(pace, kStart);
  EXPECT_EQ(pace.BreakerName(kStart), "open");
  EXPECT_EQ(pace.ReadyUs(kStart), kStart + ChannelPace::kFirstOpenUs);
}

TEST(ChannelPaceTest, ASuccessBetweenFailuresStartsTheCountAnew) {
  ChannelPace pace(0);
  for (int i = 0; i < 4; ++i) FailAttempt(pace, kStart);
  pace.Started(kStart);
  EXPECT_FALSE(pace.Succeeded());
  for (int i = 0; i < 4; ++i) FailAttempt(pace, kStart);
  EXPECT_TRUE(pace.closed());
}

TEST(ChannelPaceTest, OneProbeAtATimeAndEachFailureDoublesTheWait) {
  ChannelPace pace(0);
  for (int i = 0; i < 5; ++i) FailAttempt(pace, kStart);
  std::int64_t now_us = kStart;
  for (std::int64_t open_us = ChannelPace::kFirstOpenUs; open_us < ChannelPace::kMaxOpenUs;
       open_us *= 2) {
    now_us = pace.open_until_us();
    ASSERT_TRUE(pace.HalfOpen(now_us));
    pace.Started(now_us);
    ASSERT_EQ(pace.ReadyUs(now_us), std::numeric_limits<std::int64_t>::max());
    pace.Failed(now_us);
    ASSERT_EQ(pace.open_until_us() - now_us, std::min(open_us * 2, ChannelPace::kMaxOpenUs));
  }
  now_us = pace.open_until_us();
  pace.Started(now_us);
  EXPECT_TRUE(pace.Succeeded());
  EXPECT_TRUE(pace.closed());
}

TEST(ChannelPaceTest, FailuresThatWereUnderWayWhenItOpenedDoNotLengthenIt) {
  ChannelPace pace(0);
  for (int i = 0; i < 8; ++i) pace.Started(kStart);
  for (int i = 0; i < 8; ++i) pace.Failed(kStart + i);
  EXPECT_EQ(pace.open_until_us(), kStart + 4 + ChannelPace::kFirstOpenUs);
}

TEST(ChannelPaceTest, BreakerAndPauseSurviveEncoding) {
  ChannelPace pace(0);
  for (int i = 0; i < 5; ++i) FailAttempt(pace, kStart);
  pace.PauseUntil(kStart + 99 * kSecond);
  std::string bytes;
  pace.EncodeTo(bytes);
  ChannelPace read(0);
  const char* at = bytes.data();
  ASSERT_TRUE(read.Decode(at, bytes.data() + bytes.size()));
  EXPECT_EQ(read.BreakerName(kStart), "open");
  EXPECT_EQ(read.ReadyUs(kStart), kStart + 99 * kSecond);
}

TEST(BackoffTest, IsJitteredWithinADoublingRange) {
  SeededRandom random(1);
  for (std::uint32_t attempt = 1; attempt < 40; ++attempt) {
    const std::int64_t most =
        attempt >= 12 ? kMaxBackoffUs : std::min(kMaxBackoffUs, kFirstBackoffUs << attempt);
    for (int i = 0; i < 50; ++i) {
      const std::int64_t wait_us = BackoffUs(attempt, -1, random);
      ASSERT_GE(wait_us, kFirstBackoffUs / 10);
      ASSERT_LT(wait_us, most);
    }
  }
}

TEST(BackoffTest, TheServicesWishIsALowerBoundUpToAnHour) {
  SeededRandom random(1);
  EXPECT_GE(BackoffUs(1, 90 * kSecond, random), 90 * kSecond);
  EXPECT_EQ(BackoffUs(1, 48LL * 3600 * kSecond, random), kMaxBackoffUs);
}

}  // namespace
}  // namespace tocsin
