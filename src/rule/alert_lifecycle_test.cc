#include "rule/alert_lifecycle.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr AlertTransition kNone = AlertTransition::kNone;
constexpr AlertTransition kFiring = AlertTransition::kFiring;
constexpr AlertTransition kResolved = AlertTransition::kResolved;

TEST(AlertLifecycleTest, FiresAtTheFirstTrueEventWhenForIsZero) {
  AlertInstance instance;
  EXPECT_EQ(Advance(instance, {}, 100, false), kNone);
  EXPECT_EQ(Advance(instance, {}, 200, true), kFiring);
  EXPECT_EQ(instance.active_at_us, 200);
  EXPECT_EQ(instance.starts_at_us, 200);
  EXPECT_EQ(instance.episode, 1u);
  EXPECT_EQ(instance.event_count, 1u);
}

TEST(AlertLifecycleTest, CountsTrueEventsAndNotTheOneThatResolves) {
  AlertInstance instance;
  Advance(instance, {}, 1, true);
  EXPECT_EQ(Advance(instance, {}, 2, true), kNone);
  EXPECT_EQ(Advance(instance, {}, 3, true), kNone);
  EXPECT_EQ(Advance(instance, {}, 4, false), kResolved);
  EXPECT_EQ(instance.event_count, 3u);
  EXPECT_EQ(instance.starts_at_us, 1);
  EXPECT_EQ(Advance(instance, {}, 5, false), kNone);
}

TEST(AlertLifecycleTest, ANewEpisodeCountsAfresh) {
  AlertInstance instance;
  Advance(instance, {}, 1, true);
  Advance(instance, {}, 2, false);
  EXPECT_EQ(Advance(instance, {}, 3, true), kFiring);
  EXPECT_EQ(instance.event_count, 1u);
  EXPECT_EQ(instance.starts_at_us, 3);
  EXPECT_EQ(instance.episode, 1u);
}

TEST(AlertLifecycleTest, EpisodesWithTheSameStartAreNumbered) {
  AlertInstance instance;
  Advance(instance, {}, 7, true);
  Advance(instance, {}, 7, false);
  EXPECT_FALSE(IsForgettable(instance, 7));
  Advance(instance, {}, 7, true);
  EXPECT_EQ(instance.episode, 2u);
  Advance(instance, {}, 7, false);
  Advance(instance, {}, 7, true);
  EXPECT_EQ(instance.episode, 3u);
  Advance(instance, {}, 8, false);
  EXPECT_TRUE(IsForgettable(instance, 8));
  Advance(instance, {}, 9, true);
  EXPECT_EQ(instance.episode, 1u);
}

TEST(AlertLifecycleTest, FiresOnlyAfterTheConditionHeldForTheWholeFor) {
  const AlertTiming timing{.for_us = 10, .keep_firing_for_us = 0};
  AlertInstance instance;
  EXPECT_EQ(Advance(instance, timing, 100, true), kNone);
  EXPECT_EQ(Advance(instance, timing, 109, true), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kPending);
  EXPECT_EQ(Advance(instance, timing, 110, true), kFiring);
  EXPECT_EQ(instance.active_at_us, 100);
  EXPECT_EQ(instance.starts_at_us, 110);
  EXPECT_EQ(instance.event_count, 3u);
}

TEST(AlertLifecycleTest, ANonTrueEventWhilePendingEndsItWithoutARecord) {
  const AlertTiming timing{.for_us = 10, .keep_firing_for_us = 0};
  AlertInstance instance;
  Advance(instance, timing, 100, true);
  EXPECT_EQ(Advance(instance, timing, 105, false), kNone);
  EXPECT_TRUE(IsForgettable(instance, 105));
  EXPECT_EQ(Advance(instance, timing, 111, true), kNone);
  EXPECT_EQ(instance.active_at_us, 111);
}

TEST(AlertLifecycleTest, KeepsFiringForTheGivenTimeAndReturnsWithoutARecord) {
  const AlertTiming timing{.for_us = 0, .keep_firing_for_us = 10};
  AlertInstance instance;
  Advance(instance, timing, 100, true);
  EXPECT_EQ(Advance(instance, timing, 110, false), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kRecovering);
  EXPECT_EQ(Advance(instance, timing, 115, true), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kFiring);
  EXPECT_EQ(instance.event_count, 2u);
  EXPECT_EQ(Advance(instance, timing, 120, false), kNone);
  EXPECT_EQ(Advance(instance, timing, 129, false), kNone);
  EXPECT_EQ(Advance(instance, timing, 130, false), kResolved);
  EXPECT_EQ(instance.starts_at_us, 100);
  EXPECT_EQ(instance.event_count, 2u);
}

}  // namespace
}  // namespace tocsin
