#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <random>
#include <string>

#include "functions/function_test_support.h"
#include "functions/sample.h"
#include "functions/shared_windows.h"

// Windows of several arguments in one store, each against the windows of that argument by itself.
namespace tocsin {
namespace {

using test::kSecond;
using test::TestEvent;

constexpr std::size_t kArguments = 3;  // two metrics and a truth

struct TestCall {
  const FunctionSpec* spec = nullptr;
  CallConstants constants;
};

std::vector<TestCall> CallsOf(std::size_t argument) {
  const ParameterKind kind = argument == 2 ? ParameterKind::kTruth : ParameterKind::kMetric;
  std::vector<TestCall> calls;
  for (const std::int64_t seconds : {20, 60, argument == 1 ? 120 : 90}) {
    for (const FunctionSpec* spec : Functions()) {
      if (!spec->windowed || spec->parameters[0].kind != kind) continue;
      CallConstants constants = test::TypicalConstants(*spec);
      constants.window_us = seconds * kSecond;
      calls.push_back({spec, constants});
    }
  }
  return calls;
}

std::unique_ptr<SharedWindows> StoreOf(const std::vector<std::size_t>& which) {
  std::vector<WindowArgument> arguments;
  for (const std::size_t argument : which) {
    WindowArgument& made = arguments.emplace_back();
    for (const TestCall& call : CallsOf(argument)) {
      made.samples = SamplesOf(*call.spec);
      made.calls.push_back(MakeWindowCall(*call.spec, call.constants));
    }
  }
  return std::make_unique<SharedWindows>(std::move(arguments));
}

// A batch as columns; the second metric is another function of the event.
struct Batch {
  explicit Batch(std::span<const TestEvent> events) {
    for (const TestEvent& event : events) {
      device.push_back(event.device);
      time.push_back(event.t_us);
      in_order.push_back(event.in_order ? 1 : 0);
      metric[0].push_back(event.x);
      metric[1].push_back(event.x * 3 - static_cast<double>(event.t_us % 1000));
      truth.push_back(event.truth);
    }
  }
  EventRows rows() const { return {device, time, in_order}; }
  ArgumentColumn Argument(std::size_t argument) const {
    if (argument == 2) return {.number = {}, .null = {}, .truth = truth};
    return {.number = metric[argument], .null = {}, .truth = {}};
  }

  std::vector<std::uint32_t> device;
  std::vector<std::int64_t> time;
  std::vector<std::uint8_t> in_order, truth;
  std::vector<double> metric[2];
};

// By argument, call and row; nan = null.
using Values = std::map<std::size_t, std::vector<std::vector<double>>>;

Values Evaluate(SharedWindows& state, const std::vector<std::size_t>& which, const Batch& batch) {
  const std::size_t n = batch.time.size();
  Values values;
  std::vector<ArgumentColumn> arguments;
  std::vector<std::vector<std::uint8_t>> null;
  for (const std::size_t argument : which) {
    arguments.push_back(batch.Argument(argument));
    values[argument].assign(CallsOf(argument).size(), std::vector<double>(n));
    null.resize(null.size() + values[argument].size(), std::vector<std::uint8_t>(n));
  }
  std::vector<ResultColumn> results;
  for (const std::size_t argument : which) {
    for (std::vector<double>& number : values[argument]) {
      results.push_back({.number = number, .null = null[results.size()], .truth = {}});
    }
  }
  state.EvaluateAll(batch.rows(), arguments, results);
  std::size_t call = 0;
  for (const std::size_t argument : which) {
    for (std::vector<double>& number : values[argument]) {
      for (std::size_t i = 0; i < n; ++i) {
        if (null[call][i] != 0) number[i] = kNullNumber;
      }
      ++call;
    }
  }
  return values;
}

// Keyed state by argument, over the restarts of stores of any arguments.
class Stores {
 public:
  void Take(SharedWindows& state, const std::vector<std::size_t>& which, bool everything) {
    if (everything) {
      for (const std::size_t argument : which) parts_[argument].clear();
    }
    state.FlushAll(everything, [&](std::uint32_t argument, std::uint32_t device, std::uint64_t part,
                                   std::string_view value) {
      if (value.empty()) {
        parts_[which[argument]].erase({device, part});
      } else {
        parts_[which[argument]][{device, part}] = std::string(value);
      }
    });
  }
  void Give(SharedWindows& state, const std::vector<std::size_t>& which) const {
    for (std::uint32_t i = 0; i < which.size(); ++i) {
      const auto found = parts_.find(which[i]);
      if (found == parts_.end()) continue;
      for (const auto& [key, value] : found->second) {
        RC_ASSERT(state.RestorePart(i, key.first, key.second, value));
      }
    }
    state.Finish();
  }
  std::size_t PartsOf(std::size_t argument) const { return parts_.at(argument).size(); }

 private:
  std::map<std::size_t, std::map<std::pair<std::uint32_t, std::uint64_t>, std::string>> parts_;
};

// Nothing is out of order by more than reaches back to row `from`.
void KeepOrderFrom(std::vector<TestEvent>& events, std::size_t from) {
  std::map<std::uint32_t, std::int64_t> clock;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const auto at = clock.try_emplace(events[i].device, events[i].t_us).first;
    if (i < from) {
      at->second = std::max(at->second, events[i].t_us);
    } else {
      events[i].t_us = std::max(events[i].t_us, at->second);
    }
  }
  test::MarkOrder(events);
}

std::vector<std::size_t> Shuffled(std::vector<std::size_t> which, std::mt19937& random) {
  std::ranges::shuffle(which, random);
  return which;
}

// The store of all arguments against one store for each. The last of `joining` arguments come in at
// the event `from`, with no history.
void CompareWithArgumentsAlone(std::uint32_t seed, bool wild, std::size_t joining) {
  std::mt19937 random(seed);
  auto events = test::RandomEvents(seed, {.events = 250, .wild = wild});
  const std::size_t from = joining == 0 ? 0 : random() % events.size();
  if (joining > 0) KeepOrderFrom(events, from);
  std::vector<std::size_t> which = {0, 1, 2};
  std::ranges::shuffle(which, random);
  const std::vector<std::size_t> all = which;
  which.resize(kArguments - joining);
  auto together = StoreOf(which);
  std::map<std::size_t, std::unique_ptr<SharedWindows>> alone;
  for (const std::size_t argument : which) alone[argument] = StoreOf({argument});
  Stores stores;
  for (std::size_t first = 0; first < events.size();) {
    if (first == from && which.size() < all.size()) {
      stores.Take(*together, which, false);
      for (const std::size_t argument : all) {
        if (!alone.contains(argument)) alone[argument] = StoreOf({argument});
      }
      which = all;
      together = StoreOf(which);
      stores.Give(*together, which);
    }
    std::size_t n = std::min<std::size_t>(events.size() - first, 1 + random() % 30);
    if (first < from) n = std::min(n, from - first);
    const Batch batch(std::span<const TestEvent>(events).subspan(first, n));
    const Values values = Evaluate(*together, which, batch);
    for (const std::size_t argument : which) {
      const Values expected = Evaluate(*alone[argument], {argument}, batch);
      for (std::size_t call = 0; call < expected.at(argument).size(); ++call) {
        for (std::size_t i = 0; i < n; ++i) {
          RC_ASSERT(test::SameBits(values.at(argument)[call][i], expected.at(argument)[call][i]));
        }
      }
    }
    first += n;
    if (random() % 2 == 0) continue;
    stores.Take(*together, which, random() % 8 == 0);
    if (random() % 2 == 0) continue;
    which = Shuffled(which, random);
    together = StoreOf(which);
    stores.Give(*together, which);
  }
}

TEST(WindowsTogetherTest, SayWhatThoseOfEachArgumentSay) {
  EXPECT_TRUE(
      rc::check([](std::uint32_t seed, bool wild) { CompareWithArgumentsAlone(seed, wild, 0); }));
}

TEST(WindowsTogetherTest, TakeInArgumentsThatRulesBeginToUse) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed, bool wild) {
    CompareWithArgumentsAlone(seed, wild, 1);
    CompareWithArgumentsAlone(seed, wild, 2);
  }));
}

// Histories that were written by stores of one argument each, at other numbers: as after a change
// of the longest window.
TEST(WindowsTogetherTest, TakeOverWhatEachArgumentHadByItself) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    std::mt19937 random(seed);
    auto events = test::RandomEvents(seed, {.events = 200});
    const std::size_t half = events.size() / 2;
    const std::size_t early = random() % half;  // argument 1 begins here
    KeepOrderFrom(events, early);
    Stores stores;
    std::map<std::size_t, std::unique_ptr<SharedWindows>> alone;
    for (const std::size_t argument : {0u, 1u, 2u}) {
      alone[argument] = StoreOf({argument});
      const std::size_t begin = argument == 1 ? early : 0;
      Evaluate(*alone[argument], {argument},
               Batch(std::span<const TestEvent>(events).subspan(begin, half - begin)));
      stores.Take(*alone[argument], {argument}, false);
    }
    const std::vector<std::size_t> which = {0, 1, 2};
    auto together = StoreOf(which);
    stores.Give(*together, which);
    for (std::size_t first = half; first < events.size(); first += 10) {
      const Batch batch(std::span<const TestEvent>(events).subspan(first, 10));
      const Values values = Evaluate(*together, which, batch);
      for (const std::size_t argument : which) {
        const Values expected = Evaluate(*alone[argument], {argument}, batch);
        for (std::size_t call = 0; call < expected.at(argument).size(); ++call) {
          for (std::size_t i = 0; i < batch.time.size(); ++i) {
            RC_ASSERT(test::SameBits(values.at(argument)[call][i], expected.at(argument)[call][i]));
          }
        }
      }
      stores.Take(*together, which, false);
      if (random() % 3 != 0) continue;
      together = StoreOf(which);
      stores.Give(*together, which);
    }
    // What did not fit together is gone.
    Stores snapshot;
    snapshot.Take(*together, which, true);
    for (const std::size_t argument : which) {
      RC_ASSERT(stores.PartsOf(argument) <= snapshot.PartsOf(argument) + 3);
    }
  }));
}

// Out of order from before an argument's history: not one of its readings, whenever it is restored.
TEST(WindowsTogetherTest, LeaveOutALateReadingFromBeforeAHistory) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    std::mt19937 random(seed);
    const auto events = test::RandomEvents(seed, {.events = 200});
    const std::vector<std::size_t> some = {0}, all = {0, 1, 2};
    const auto before = StoreOf(some);
    Stores stores;
    Evaluate(*before, some, Batch(std::span<const TestEvent>(events).first(100)));
    stores.Take(*before, some, false);
    const auto steady = StoreOf(all);
    auto restarted = StoreOf(all);
    stores.Give(*steady, all);
    stores.Give(*restarted, all);
    for (std::size_t first = 100; first < events.size(); first += 5) {
      const Batch batch(std::span<const TestEvent>(events).subspan(first, 5));
      const Values a = Evaluate(*steady, all, batch), b = Evaluate(*restarted, all, batch);
      for (const std::size_t argument : all) {
        for (std::size_t call = 0; call < a.at(argument).size(); ++call) {
          for (std::size_t i = 0; i < 5; ++i) {
            RC_ASSERT(test::SameBits(a.at(argument)[call][i], b.at(argument)[call][i]));
          }
        }
      }
      stores.Take(*restarted, all, false);
      if (random() % 2 == 0) continue;
      restarted = StoreOf(all);
      stores.Give(*restarted, all);
    }
  }));
}

// As a metric has that was optional until now.
TEST(WindowsTogetherTest, KeepTheNewestReadingsOfAHistoryWithGaps) {
  std::vector<TestEvent> events(11), some;
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].t_us = static_cast<std::int64_t>(i) * kSecond;
    if (i < 7 ? i % 2 == 0 : i >= 8 && i < 10) some.push_back(events[i]);
  }
  Stores stores;
  const auto first = StoreOf({0}), second = StoreOf({1});
  Evaluate(*first, {0}, Batch(std::span<const TestEvent>(events).first(10)));
  Evaluate(*second, {1}, Batch(some));
  stores.Take(*first, {0}, false);
  stores.Take(*second, {1}, false);
  const std::vector<std::size_t> which = {0, 1};
  const auto together = StoreOf(which);
  stores.Give(*together, which);
  const Values values = Evaluate(*together, which, Batch({&events[10], 1}));
  for (const std::size_t argument : which) {
    const std::vector<TestCall> calls = CallsOf(argument);
    for (std::size_t call = 0; call < calls.size(); ++call) {
      if (calls[call].spec->name != "count") continue;
      EXPECT_EQ(values.at(argument)[call][0], argument == 0 ? 11 : 3);
    }
  }
  stores.Take(*together, which, false);
  EXPECT_EQ(stores.PartsOf(0), 2u);  // eleven readings by eights
  EXPECT_EQ(stores.PartsOf(1), 1u);
}

TEST(WindowsTogetherTest, PutTheStateOfEachArgumentAsItWouldItself) {
  std::vector<TestEvent> events(300);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].t_us = static_cast<std::int64_t>(i) * 5 * kSecond;
    events[i].x = 20 + static_cast<double>(i % 7) / 10;
    events[i].truth = i % 3 == 0 ? kTrue : kFalse;
  }
  const std::vector<std::size_t> which = {1, 2};
  const auto together = StoreOf(which);
  Stores of_all, of_one;
  const auto alone = StoreOf({1});  // of the longest window
  for (const TestEvent& event : events) {
    const Batch batch({&event, 1});
    Evaluate(*together, which, batch);
    Evaluate(*alone, {1}, batch);
    of_all.Take(*together, which, false);
    of_one.Take(*alone, {1}, false);
  }
  EXPECT_EQ(of_all.PartsOf(1), of_one.PartsOf(1));
  EXPECT_EQ(of_all.PartsOf(2), of_one.PartsOf(1));
}

}  // namespace
}  // namespace tocsin
