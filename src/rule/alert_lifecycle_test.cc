#include "rule/alert_lifecycle.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

constexpr AlertTransition kNone = AlertTransition::kNone;
constexpr AlertTransition kFiring = AlertTransition::kFiring;
constexpr AlertTransition kResolved = AlertTransition::kResolved;
constexpr AlertTransition kLevel = AlertTransition::kLevel;

AlertTransition At(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us, int level,
                   bool clear = false) {
  return Advance(instance, timing,
                 {.t_us = t_us,
                  .level = static_cast<std::uint8_t>(level),
                  .clear = clear,
                  .is_event = true,
                  .offset = t_us * 10});
}

AlertTransition AtTimer(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us,
                        int level) {
  return Advance(instance, timing,
                 {.t_us = t_us,
                  .level = static_cast<std::uint8_t>(level),
                  .clear = false,
                  .is_event = false,
                  .offset = -1});
}

TEST(AlertLifecycleTest, FiresAtTheFirstTrueEventWhenForIsZero) {
  AlertInstance instance;
  EXPECT_EQ(At(instance, {}, 100, 0), kNone);
  EXPECT_EQ(At(instance, {}, 200, 1), kFiring);
  EXPECT_EQ(instance.active_at_us, 200);
  EXPECT_EQ(instance.active_offset, 2000);
  EXPECT_EQ(instance.starts_at_us, 200);
  EXPECT_EQ(instance.episode, 1u);
  EXPECT_EQ(instance.event_count, 1u);
  EXPECT_EQ(instance.level, 1);
}

TEST(AlertLifecycleTest, CountsTrueEventsAndNotTheOneThatResolves) {
  AlertInstance instance;
  At(instance, {}, 1, 1);
  EXPECT_EQ(At(instance, {}, 2, 1), kNone);
  EXPECT_EQ(At(instance, {}, 3, 1), kNone);
  EXPECT_EQ(At(instance, {}, 4, 0), kResolved);
  EXPECT_EQ(instance.event_count, 3u);
  EXPECT_EQ(instance.starts_at_us, 1);
  EXPECT_EQ(instance.level, 1);
  EXPECT_EQ(At(instance, {}, 5, 0), kNone);
}

TEST(AlertLifecycleTest, ANewEpisodeCountsAfresh) {
  AlertInstance instance;
  At(instance, {}, 1, 1);
  At(instance, {}, 2, 0);
  EXPECT_EQ(At(instance, {}, 3, 1), kFiring);
  EXPECT_EQ(instance.event_count, 1u);
  EXPECT_EQ(instance.starts_at_us, 3);
  EXPECT_EQ(instance.active_offset, 30);
  EXPECT_EQ(instance.episode, 1u);
}

TEST(AlertLifecycleTest, EpisodesWithTheSameStartAreNumbered) {
  AlertInstance instance;
  At(instance, {}, 7, 1);
  At(instance, {}, 7, 0);
  EXPECT_FALSE(IsForgettable(instance, {}, 7));
  At(instance, {}, 7, 1);
  EXPECT_EQ(instance.episode, 2u);
  At(instance, {}, 7, 0);
  At(instance, {}, 7, 1);
  EXPECT_EQ(instance.episode, 3u);
  At(instance, {}, 8, 0);
  EXPECT_TRUE(IsForgettable(instance, {}, 8));
  At(instance, {}, 9, 1);
  EXPECT_EQ(instance.episode, 1u);
}

TEST(AlertLifecycleTest, FiresOnlyAfterTheConditionHeldForTheWholeFor) {
  const AlertTiming timing{.for_us = 10};
  AlertInstance instance;
  EXPECT_EQ(At(instance, timing, 100, 1), kNone);
  EXPECT_EQ(At(instance, timing, 109, 2), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kPending);
  EXPECT_EQ(At(instance, timing, 110, 2), kFiring);
  EXPECT_EQ(instance.active_at_us, 100);
  EXPECT_EQ(instance.active_offset, 1000);
  EXPECT_EQ(instance.starts_at_us, 110);
  EXPECT_EQ(instance.level, 2);
  EXPECT_EQ(instance.event_count, 3u);
}

TEST(AlertLifecycleTest, ANonTrueEventWhilePendingEndsItWithoutARecord) {
  const AlertTiming timing{.for_us = 10};
  AlertInstance instance;
  At(instance, timing, 100, 1);
  EXPECT_FALSE(IsForgettable(instance, {}, 104));
  EXPECT_EQ(At(instance, timing, 105, 0), kNone);
  EXPECT_TRUE(IsForgettable(instance, {}, 105));
  EXPECT_EQ(At(instance, timing, 111, 1), kNone);
  EXPECT_EQ(instance.active_at_us, 111);
}

TEST(AlertLifecycleTest, KeepsFiringForTheGivenTimeAndReturnsWithoutARecord) {
  const AlertTiming timing{.keep_firing_for_us = 10};
  AlertInstance instance;
  At(instance, timing, 100, 1);
  EXPECT_EQ(At(instance, timing, 110, 0), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kRecovering);
  EXPECT_EQ(At(instance, timing, 115, 1), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kFiring);
  EXPECT_EQ(instance.event_count, 2u);
  EXPECT_EQ(At(instance, timing, 120, 0), kNone);
  EXPECT_EQ(At(instance, timing, 129, 0), kNone);
  EXPECT_EQ(At(instance, timing, 130, 0), kResolved);
  EXPECT_EQ(instance.starts_at_us, 100);
  EXPECT_EQ(instance.event_count, 2u);
}

TEST(AlertLifecycleTest, AChangeOfLevelWhileFiringIsOfTheSameEpisode) {
  AlertInstance instance;
  EXPECT_EQ(At(instance, {}, 1, 1), kFiring);
  EXPECT_EQ(At(instance, {}, 2, 3), kLevel);
  EXPECT_EQ(instance.level, 3);
  EXPECT_EQ(At(instance, {}, 3, 3), kNone);
  EXPECT_EQ(At(instance, {}, 4, 1), kLevel);
  EXPECT_EQ(instance.starts_at_us, 1);
  EXPECT_EQ(instance.event_count, 4u);
  EXPECT_EQ(At(instance, {}, 5, 0), kResolved);
}

TEST(AlertLifecycleTest, ReturningFromRecoveryAtAnotherLevelSaysSo) {
  const AlertTiming timing{.keep_firing_for_us = 10};
  AlertInstance instance;
  At(instance, timing, 1, 1);
  At(instance, timing, 2, 0);
  EXPECT_EQ(At(instance, timing, 3, 2), kLevel);
  EXPECT_EQ(instance.phase, AlertPhase::kFiring);
}

TEST(AlertLifecycleTest, WithAClearExpressionItFiresUntilThatIsTrue) {
  const AlertTiming timing{.has_clear = true};
  AlertInstance instance;
  EXPECT_EQ(At(instance, timing, 1, 2), kFiring);
  EXPECT_EQ(At(instance, timing, 2, 0), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kFiring);
  EXPECT_EQ(instance.level, 2);
  EXPECT_EQ(At(instance, timing, 3, 0, true), kResolved);
  EXPECT_EQ(instance.event_count, 1u);
}

TEST(AlertLifecycleTest, ClearResolvesEvenWhereTheConditionIsTrueAndALaterEventFiresAnew) {
  const AlertTiming timing{.has_clear = true};
  AlertInstance instance;
  At(instance, timing, 1, 1);
  EXPECT_EQ(At(instance, timing, 2, 1, true), kResolved);
  EXPECT_EQ(instance.event_count, 2u);
  EXPECT_EQ(At(instance, timing, 3, 1), kFiring);
}

TEST(AlertLifecycleTest, ClearStartsTheRecoveryAndTheConditionWithoutItEndsThat) {
  const AlertTiming timing{.keep_firing_for_us = 10, .has_clear = true};
  AlertInstance instance;
  At(instance, timing, 1, 1);
  EXPECT_EQ(At(instance, timing, 5, 0, true), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kRecovering);
  EXPECT_EQ(At(instance, timing, 8, 0, false), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kRecovering);
  EXPECT_EQ(At(instance, timing, 9, 1), kNone);
  EXPECT_EQ(instance.phase, AlertPhase::kFiring);
  EXPECT_EQ(At(instance, timing, 10, 1, true), kNone);
  EXPECT_EQ(At(instance, timing, 20, 0, false), kResolved);
}

TEST(AlertLifecycleTest, ATimerMovesTheInstanceButIsNoEvent) {
  const AlertTiming timing{.for_us = 10};
  AlertInstance instance;
  EXPECT_EQ(AtTimer(instance, timing, 100, 1), kNone);
  EXPECT_EQ(instance.active_offset, -1);
  EXPECT_EQ(AtTimer(instance, timing, 110, 1), kFiring);
  EXPECT_EQ(instance.event_count, 0u);
  EXPECT_EQ(At(instance, timing, 120, 0), kResolved);
}

TEST(AlertLifecycleTest, AnEventEndsTheSilence) {
  AlertInstance instance;
  At(instance, {}, 1, 1);
  instance.no_data = true;
  AtTimer(instance, {}, 2, 1);
  EXPECT_TRUE(instance.no_data);
  At(instance, {}, 3, 1);
  EXPECT_FALSE(instance.no_data);
}

TEST(AlertLifecycleTest, ResolveNowEndsTheEpisodeAndKeepsWhatItWas) {
  AlertInstance instance;
  At(instance, {}, 1, 2);
  instance.no_data = true;
  ResolveNow(instance);
  EXPECT_EQ(instance.phase, AlertPhase::kInactive);
  EXPECT_FALSE(instance.no_data);
  EXPECT_EQ(instance.starts_at_us, 1);
  EXPECT_EQ(instance.level, 2);
  EXPECT_EQ(At(instance, {}, 1, 1), kFiring);
  EXPECT_EQ(instance.episode, 2u);
}

TEST(AlertLifecycleTest, FlappingIsSaidOncePerWindowAboveTheLimit) {
  const FlapGuard flap{.window_us = 100, .max_transitions = 2};
  AlertInstance instance;
  EXPECT_FALSE(CountTransition(instance, flap, 10));
  EXPECT_FALSE(CountTransition(instance, flap, 20));
  EXPECT_TRUE(CountTransition(instance, flap, 30));
  EXPECT_FALSE(CountTransition(instance, flap, 109));
  EXPECT_FALSE(CountTransition(instance, flap, 110));  // a new window
  EXPECT_EQ(instance.flap_since_us, 110);
  EXPECT_FALSE(CountTransition(instance, flap, 111));
  EXPECT_TRUE(CountTransition(instance, flap, 112));
}

TEST(AlertLifecycleTest, AGuardThatIsOffNeverFlapsAndCountsNothing) {
  AlertInstance instance;
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(CountTransition(instance, {.window_us = 0, .max_transitions = 1}, i));
    EXPECT_FALSE(CountTransition(instance, {.window_us = 100, .max_transitions = 0}, i));
  }
  EXPECT_EQ(instance, AlertInstance());
}

TEST(AlertLifecycleTest, AnOpenFlapWindowIsRemembered) {
  const FlapGuard flap{.window_us = 100, .max_transitions = 2};
  AlertInstance instance;
  At(instance, {}, 10, 1);
  CountTransition(instance, flap, 10);
  At(instance, {}, 20, 0);
  EXPECT_FALSE(IsForgettable(instance, flap, 109));
  EXPECT_TRUE(IsForgettable(instance, flap, 110));
  EXPECT_TRUE(IsForgettable(instance, {.window_us = 0, .max_transitions = 0}, 21));
}

}  // namespace
}  // namespace tocsin
