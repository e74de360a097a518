#include "functions/shared_windows.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <deque>
#include <random>
#include <string>

#include "functions/extreme_queue.h"
#include "functions/function_test_support.h"

// Many calls over one store of readings, each against the same call by itself.
namespace tocsin {
namespace {

using test::kSecond;
using test::TestEvent;

struct TestCall {
  const FunctionSpec* spec = nullptr;
  CallConstants constants;
};

std::vector<TestCall> CallsOf(ParameterKind argument) {
  std::vector<TestCall> calls;
  for (const std::int64_t seconds : {7, 60, 300}) {
    for (const FunctionSpec* spec : Functions()) {
      if (!spec->windowed || spec->parameters[0].kind != argument) continue;
      CallConstants constants = test::TypicalConstants(*spec);
      constants.window_us = seconds * kSecond;
      calls.push_back({spec, constants});
    }
  }
  return calls;
}

std::unique_ptr<SharedWindows> Shared(const std::vector<TestCall>& calls) {
  std::vector<WindowArgument> arguments(1);
  arguments[0].samples = SamplesOf(*calls[0].spec);
  for (const TestCall& call : calls) {
    arguments[0].calls.push_back(MakeWindowCall(*call.spec, call.constants));
  }
  return std::make_unique<SharedWindows>(std::move(arguments));
}

// By call, then row.
std::vector<std::vector<CellValue>> EvaluateShared(const std::vector<TestCall>& calls,
                                                   SharedWindows& state,
                                                   std::span<const TestEvent> events) {
  const std::size_t n = events.size();
  std::vector<std::uint32_t> device;
  std::vector<std::int64_t> time;
  std::vector<std::uint8_t> in_order, null, truth;
  std::vector<double> x;
  for (const TestEvent& event : events) {
    device.push_back(event.device);
    time.push_back(event.t_us);
    in_order.push_back(event.in_order ? 1 : 0);
    null.push_back(event.null ? 1 : 0);
    truth.push_back(event.truth);
    x.push_back(event.x);
  }
  std::vector<std::vector<double>> number(calls.size(), std::vector<double>(n));
  std::vector<std::vector<std::uint8_t>> is_null(calls.size(), std::vector<std::uint8_t>(n));
  std::vector<ResultColumn> results;
  for (std::size_t c = 0; c < calls.size(); ++c) {
    results.push_back({.number = number[c], .null = is_null[c], .truth = {}});
  }
  const bool of_truths = calls[0].spec->parameters[0].kind == ParameterKind::kTruth;
  const ArgumentColumn argument = of_truths
                                      ? ArgumentColumn{.number = {}, .null = {}, .truth = truth}
                                      : ArgumentColumn{.number = x, .null = null, .truth = {}};
  state.EvaluateAll({device, time, in_order}, {&argument, 1}, results);
  std::vector<std::vector<CellValue>> cells(calls.size(), std::vector<CellValue>(n));
  for (std::size_t c = 0; c < calls.size(); ++c) {
    for (std::size_t i = 0; i < n; ++i) {
      if (is_null[c][i] == 0) cells[c][i].number = number[c][i];
    }
  }
  return cells;
}

void CompareWithCallsAlone(ParameterKind argument, std::uint32_t seed, bool wild) {
  const std::vector<TestCall> calls = CallsOf(argument);
  const auto events = test::RandomEvents(seed, {.events = 250, .wild = wild});
  auto shared = Shared(calls);
  std::vector<std::unique_ptr<FunctionState>> alone;
  for (const TestCall& call : calls) alone.push_back(call.spec->make(call.constants));
  test::StateStore store;
  std::mt19937 random(seed);
  for (std::size_t first = 0; first < events.size();) {
    const std::size_t n = std::min<std::size_t>(events.size() - first, 1 + random() % 40);
    const auto batch = std::span(events).subspan(first, n);
    const auto cells = EvaluateShared(calls, *shared, batch);
    for (std::size_t c = 0; c < calls.size(); ++c) {
      const auto expected = test::Evaluate(*calls[c].spec, *alone[c], batch);
      for (std::size_t i = 0; i < n; ++i) {
        RC_ASSERT(test::SameBits(cells[c][i].number, expected[i].number));
      }
    }
    first += n;
    store.TakeFrom(*shared, random() % 8 == 0);
    if (random() % 3 != 0) continue;
    shared = Shared(calls);
    RC_ASSERT(store.GiveTo(*shared));
  }
}

TEST(SharedWindowsTest, GiveEachCallWhatItWouldSayByItself) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed, bool wild) {
    CompareWithCallsAlone(ParameterKind::kMetric, seed, wild);
    CompareWithCallsAlone(ParameterKind::kTruth, seed, wild);
  }));
}

TEST(SharedWindowsTest, PutTheReadingsIntoKeyedStateOnceForAllCalls) {
  const std::vector<TestCall> calls = CallsOf(ParameterKind::kMetric);
  const auto shared = Shared(calls);
  const auto alone = calls.back().spec->make(calls.back().constants);  // one of the longest window
  test::StateStore of_all, of_one;
  for (int i = 0; i < 200; ++i) {
    const TestEvent event{.t_us = i * 5 * kSecond, .x = 20 + i % 7 / 10.0};
    EvaluateShared(calls, *shared, {&event, 1});
    test::Evaluate(*calls.back().spec, *alone, {&event, 1});
    of_all.TakeFrom(*shared, false);
    of_one.TakeFrom(*alone, false);
  }
  EXPECT_EQ(of_all.parts, of_one.parts);
  EXPECT_EQ(of_all.bytes_put, of_one.bytes_put);
}

// After a silence every window lets all of its readings go at once, in the block in which they are
// dropped.
TEST(SharedWindowsTest, ForgetWhatExpiredInALongSilence) {
  const std::vector<TestCall> calls = CallsOf(ParameterKind::kMetric);
  const auto shared = Shared(calls);
  for (int i = 0; i < 500; ++i) {
    const TestEvent event{.t_us = i * kSecond, .x = 1.0 * i};
    EvaluateShared(calls, *shared, {&event, 1});
  }
  const std::size_t full = shared->bytes();
  for (int i = 0; i < 30; ++i) {
    const TestEvent event{.t_us = (100'000 + i * 400) * kSecond, .x = 5};
    for (const auto& cells : EvaluateShared(calls, *shared, {&event, 1})) {
      EXPECT_TRUE(std::isnan(cells[0].number) || cells[0].number == 5 || cells[0].number == 0 ||
                  cells[0].number == 1);
    }
  }
  EXPECT_LT(shared->bytes(), full);
}

TEST(ExtremeQueueTest, IsAQueueWhateverItsSize) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    std::mt19937 random(seed);
    ExtremeQueue queue;
    std::deque<double> model;
    for (int i = 0; i < 2000; ++i) {
      const auto kind = random() % 8;
      const bool grows = (i / 300) % 2 == 0;
      if (model.empty() || kind < (grows ? 5u : 3u)) {
        queue.PushBack({i, 1.0 * i});
        model.push_back(i);
      } else if (kind < 6) {
        queue.PopFront();
        model.pop_front();
      } else {
        queue.PopBack();
        model.pop_back();
      }
      RC_ASSERT(queue.size() == model.size());
      for (std::uint32_t k = 0; k < queue.size(); ++k) RC_ASSERT(queue[k].x == model[k]);
    }
  }));
}

}  // namespace
}  // namespace tocsin
