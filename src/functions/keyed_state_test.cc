#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <random>
#include <string>

#include "functions/function_test_support.h"

// What every function promises of its keyed state.
namespace tocsin {
namespace {

using test::kSecond;
using test::TestEvent;

class FunctionKeyedStateTest : public testing::TestWithParam<const FunctionSpec*> {};

TEST_P(FunctionKeyedStateTest, GoesOnAfterARestartAsIfThereHadBeenNone) {
  const FunctionSpec& spec = *GetParam();
  const CallConstants constants = test::TypicalConstants(spec);
  EXPECT_TRUE(rc::check([&](std::uint32_t seed, bool wild) {
    const auto events = test::RandomEvents(seed, {.events = 200, .wild = wild});
    const auto steady = spec.make(constants);
    auto restarted = spec.make(constants);
    test::StateStore store;
    std::mt19937 random(seed);
    for (std::size_t first = 0; first < events.size();) {
      const std::size_t n = std::min<std::size_t>(events.size() - first, 1 + random() % 12);
      const auto batch = std::span(events).subspan(first, n);
      const auto expected = test::Evaluate(spec, *steady, batch);
      const auto cells = test::Evaluate(spec, *restarted, batch);
      for (std::size_t i = 0; i < n; ++i) {
        RC_ASSERT(cells[i].truth == expected[i].truth);
        RC_ASSERT(test::SameBits(cells[i].number, expected[i].number));
      }
      first += n;
      if (random() % 3 == 0) continue;
      store.TakeFrom(*restarted, random() % 8 == 0);
      if (random() % 3 != 0) continue;
      restarted = spec.make(constants);
      RC_ASSERT(store.GiveTo(*restarted));
      for (const std::uint32_t device : {0u, 5u, 300u}) {
        const auto a = steady->At(device, kSecond * 2'000'000'000);
        const auto b = restarted->At(device, kSecond * 2'000'000'000);
        RC_ASSERT(a.truth == b.truth);
        RC_ASSERT(a.null == b.null);
        RC_ASSERT(test::SameBits(a.number, b.number));
      }
    }
  }));
}

TEST_P(FunctionKeyedStateTest, KeepsNothingThatASnapshotWouldNotHold) {
  const FunctionSpec& spec = *GetParam();
  EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
    const auto events = test::RandomEvents(seed);
    const auto state = spec.make(test::TypicalConstants(spec));
    test::StateStore store, snapshot;
    std::size_t k = 0;
    for (const TestEvent& event : events) {
      test::Evaluate(spec, *state, {&event, 1});
      if (++k % 3 == 0) store.TakeFrom(*state, false);
    }
    store.TakeFrom(*state, false);
    snapshot.TakeFrom(*state, true);
    // Chunks may hold expired readings and old clocks; the number of parts is what must not grow.
    RC_ASSERT(store.parts.size() <= snapshot.parts.size() + 3);
  }));
}

TEST_P(FunctionKeyedStateTest, PutsFewBytesForOneNewReading) {
  const FunctionSpec& spec = *GetParam();
  CallConstants constants = test::TypicalConstants(spec);
  constants.window_us = 600 * kSecond;
  const auto state = spec.make(constants);
  test::StateStore store;
  constexpr std::size_t kEvents = 800;
  for (std::size_t i = 0; i < kEvents; ++i) {
    TestEvent event;
    event.t_us = 1'760'000'000 * kSecond + static_cast<std::int64_t>(i) * (10 * kSecond + 137'000);
    event.x = static_cast<double>(2000 + i * 7919 % 1000) / 100;
    event.truth = i % 2 == 0 ? kTrue : kFalse;
    test::Evaluate(spec, *state, {&event, 1});
    store.TakeFrom(*state, false);
  }
  const double per_event = static_cast<double>(store.bytes_put) / kEvents;
  RecordProperty("bytes_per_event", std::to_string(per_event));
  EXPECT_LE(per_event, 60);
}

TEST_P(FunctionKeyedStateTest, PutsNothingWhenNothingChanged) {
  const FunctionSpec& spec = *GetParam();
  const auto state = spec.make(test::TypicalConstants(spec));
  const auto events = test::RandomEvents(1);
  test::Evaluate(spec, *state, events);
  test::StateStore store;
  store.TakeFrom(*state, false);
  EXPECT_GT(store.bytes_put, 0u);
  store.bytes_put = 0;
  store.TakeFrom(*state, false);
  EXPECT_EQ(store.bytes_put, 0u);
}

// With mutated parts: refused or taken, but never undefined, and usable afterwards.
TEST_P(FunctionKeyedStateTest, SurvivesBytesThatNobodyWrote) {
  const FunctionSpec& spec = *GetParam();
  const CallConstants constants = test::TypicalConstants(spec);
  std::size_t refused = 0;
  EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
    const auto events = test::RandomEvents(seed);
    const auto state = spec.make(constants);
    test::Evaluate(spec, *state, events);
    test::StateStore store;
    store.TakeFrom(*state, true);
    std::mt19937 random(seed);
    test::StateStore damaged;
    for (auto [key, value] : store.parts) {
      for (auto k = random() % 3; k > 0 && !value.empty(); --k) {
        const std::size_t at = random() % value.size();
        switch (random() % 4) {
          case 0:
            value.resize(at);
            break;
          case 1:
            value.insert(at, 1, static_cast<char>(random()));
            break;
          default:
            value[at] = static_cast<char>(random());
            break;
        }
      }
      damaged.parts[{key.first, random() % 5 == 0 ? key.second + random() % 3 : key.second}] =
          value;
    }
    const auto fresh = spec.make(constants);
    if (!damaged.GiveTo(*fresh)) ++refused;
    test::Evaluate(spec, *fresh, events);
    test::StateStore again;
    again.TakeFrom(*fresh, true);
    const auto last = spec.make(constants);
    RC_ASSERT(again.GiveTo(*last));
  }));
  EXPECT_GT(refused, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, FunctionKeyedStateTest, testing::ValuesIn([] {
                           const auto all = Functions();
                           return std::vector<const FunctionSpec*>(all.begin(), all.end());
                         }()),
                         [](const auto& test) { return std::string(test.param->name); });

TEST(FunctionMemoryTest, HoldsLittleForADeviceWithoutReadings) {
  const FunctionSpec& avg = *FindFunction("avg");
  const auto state = avg.make(test::TypicalConstants(avg));
  std::vector<TestEvent> events(100'000);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].device = static_cast<std::uint32_t>(i);
    events[i].null = true;
  }
  test::Evaluate(avg, *state, events);
  EXPECT_LE(state->bytes() / events.size(), 128u);
}

}  // namespace
}  // namespace tocsin
