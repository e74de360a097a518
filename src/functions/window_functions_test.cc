#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <string>

#include "functions/function_test_support.h"
#include "functions/window_kinds.h"

// Every function over a window against its definition, worked out anew from the whole list of
// events at each of them.
namespace tocsin {
namespace {

using test::kSecond;
using test::TestEvent;

__extension__ using Wide = __float128;

struct Sample {
  std::int64_t t_us = 0;
  double x = 0;
};

// By how much an event may be late and still see its whole window.
std::int64_t LatenessOf(std::int64_t window) {
  return std::clamp<std::int64_t>(window, 60 * kSecond, 600 * kSecond);
}

// What the window holds at events[i], by time and arrival.
std::vector<Sample> WindowAt(std::span<const TestEvent> events, std::size_t i, std::int64_t window,
                             bool with_current, bool truths) {
  const TestEvent& now = events[i];
  std::int64_t clock = now.t_us;
  for (std::size_t k = 0; k < i; ++k) {
    if (events[k].device == now.device) clock = std::max(clock, events[k].t_us);
  }
  std::vector<Sample> samples;
  for (std::size_t k = 0; k <= i; ++k) {
    const TestEvent& event = events[k];
    if (event.device != now.device || event.t_us > now.t_us) continue;
    if (k == i && !with_current) continue;
    if (k != i && event.t_us <= now.t_us - window) continue;
    if (k != i && event.t_us <= clock - window - LatenessOf(window)) continue;
    if (!truths && event.null) continue;
    samples.push_back({event.t_us, truths ? (event.truth == kTrue ? 1.0 : 0.0) : event.x});
  }
  std::ranges::stable_sort(samples, {}, &Sample::t_us);
  return samples;
}

using Samples = std::vector<Sample>;
using Definition = std::function<double(const Samples& window, double x)>;

Wide ExactSumOf(const Samples& window) {
  Wide sum = 0;
  for (const Sample& sample : window) sum += sample.x;
  return sum;
}
double SumOf(const Samples& window, double) {
  return static_cast<double>(ExactSumOf(window));
}
double AverageOf(const Samples& window, double) {
  return static_cast<double>(ExactSumOf(window)) / static_cast<double>(window.size());
}
Wide VarianceOf(const Samples& window) {
  const Wide mean = ExactSumOf(window) / static_cast<Wide>(window.size());
  Wide squares = 0;
  for (const Sample& sample : window) squares += (sample.x - mean) * (sample.x - mean);
  return squares / static_cast<Wide>(window.size());
}
bool AllEqual(const Samples& window) {
  return std::ranges::all_of(window, [&](const Sample& s) { return s.x == window[0].x; });
}
double DeviationOf(const Samples& window, double) {
  return AllEqual(window) ? 0 : std::sqrt(static_cast<double>(VarianceOf(window)));
}
double ScoreOf(const Samples& window, double x) {
  if (AllEqual(window)) return kNullNumber;
  const Wide mean = ExactSumOf(window) / static_cast<Wide>(window.size());
  return static_cast<double>(x - mean) / DeviationOf(window, x);
}
std::vector<double> SortedOf(const Samples& window) {
  std::vector<double> values;
  for (const Sample& sample : window) values.push_back(sample.x);
  std::ranges::sort(values);
  return values;
}
double MiddleOf(const std::vector<double>& sorted) {
  const std::size_t n = sorted.size();
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}
double MedianDefined(const Samples& window, double) {
  return MiddleOf(SortedOf(window));
}
double QuantileDefined(const Samples& window, double) {
  const auto sorted = SortedOf(window);
  const double h = static_cast<double>(sorted.size() - 1) * 0.9;
  const auto i = static_cast<std::size_t>(h);
  if (i + 1 == sorted.size()) return sorted[i];
  return sorted[i] + (h - static_cast<double>(i)) * (sorted[i + 1] - sorted[i]);
}
double MadScoreDefined(const Samples& window, double x) {
  const double median = MedianDefined(window, x);
  std::vector<double> distances;
  for (const Sample& sample : window) distances.push_back(std::fabs(sample.x - median));
  std::ranges::sort(distances);
  const double mad = MiddleOf(distances);
  return mad == 0 ? kNullNumber : (x - median) / (1.4826 * mad);
}
double DeltaDefined(const Samples& window, double) {
  return window.back().x - window.front().x;
}
double RateDefined(const Samples& window, double) {
  const std::int64_t us = window.back().t_us - window.front().t_us;
  return us == 0 ? kNullNumber
                 : (window.back().x - window.front().x) / (static_cast<double>(us) / 1e6);
}
double SlopeDefined(const Samples& window, double) {
  Wide mean_t = 0;
  for (const Sample& sample : window) mean_t += static_cast<Wide>(sample.t_us);
  mean_t /= static_cast<Wide>(window.size());
  const Wide mean_x = ExactSumOf(window) / static_cast<Wide>(window.size());
  Wide over = 0, under = 0;
  for (const Sample& sample : window) {
    over += (static_cast<Wide>(sample.t_us) - mean_t) * (sample.x - mean_x);
    under += (static_cast<Wide>(sample.t_us) - mean_t) * (static_cast<Wide>(sample.t_us) - mean_t);
  }
  if (window.front().t_us == window.back().t_us) return kNullNumber;
  return AllEqual(window) ? 0 : static_cast<double>(over / under * 1000000);
}
double ChangesDefined(const Samples& window, double) {
  double changes = 0;
  for (std::size_t i = 1; i < window.size(); ++i) changes += window[i].x != window[i - 1].x;
  return changes;
}

// How much a result changes with the values of its window: the result's error for an error of 1 in
// every value.
double Whole(const Samples&) {
  return 1;
}
double PerSecond(const Samples& window) {
  const auto span = static_cast<double>(window.back().t_us - window.front().t_us) / 1e6;
  return span > 0 ? 2 / span : 0;
}
double PerDeviation(const Samples& window) {
  const double deviation = DeviationOf(window, 0);
  return deviation > 0 ? 1 / deviation : 0;
}

struct Case {
  std::string name;
  Definition definition;
  std::uint32_t min_samples = 1;
  bool before_current = false;
  double tolerance = 0;                             // relative; 0 = the same number
  double (*sensitivity)(const Samples&) = nullptr;  // for readings beyond the exact sums
  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
};
const Case kCases[] = {
    {"avg", AverageOf},
    {"min", [](const Samples& w, double) { return SortedOf(w).front(); }},
    {"max", [](const Samples& w, double) { return SortedOf(w).back(); }},
    {"sum", SumOf},
    {"count", [](const Samples& w, double) { return static_cast<double>(w.size()); }},
    {"stddev", DeviationOf, 2, false, 1e-12, Whole},
    {"median", MedianDefined},
    {"quantile", QuantileDefined},
    {"delta", DeltaDefined, 2},
    {"rate", RateDefined, 2},
    {"derivative", SlopeDefined, 2, false, 1e-12, PerSecond},
    {"zscore", ScoreOf, 10, true, 1e-12, PerDeviation},
    {"mad_score", MadScoreDefined, 10, true},
    {"count_true", SumOf},
    {"changes", ChangesDefined},
};

Samples WindowOf(const Case& test, std::span<const TestEvent> events, std::size_t i,
                 const CallConstants& constants) {
  return WindowAt(events, i, constants.window_us, !test.before_current, test.name == "count_true");
}

double Defined(const Case& test, std::span<const TestEvent> events, std::size_t i,
               const CallConstants& constants) {
  const bool has_x = test.name == "count_true" || !events[i].null;
  if (test.before_current && !has_x) return kNullNumber;
  const auto window = WindowOf(test, events, i, constants);
  const std::size_t least = constants.min_samples == 0 ? test.min_samples : constants.min_samples;
  if (window.empty() || window.size() < least) return kNullNumber;
  return test.definition(window, events[i].x);
}

// How far apart values of the exact sort and of the definition may be: sqrt and the mean of the
// definition are themselves rounded. `error` is absolute.
bool Agree(double value, double defined, double tolerance, double error = 0) {
  if (std::isnan(value) || std::isnan(defined)) return std::isnan(value) && std::isnan(defined);
  if (tolerance == 0) return value == defined;
  return std::fabs(value - defined) <= tolerance * std::max(std::fabs(defined), 1e-9) + error;
}

// Beyond the exact sums the values are summed in 64 bits: 1e-17 of the largest value leaves room
// for the roundings of a window of test events.
double ErrorBeyondExactSums(const Case& test, const Samples& window, double x) {
  if (test.sensitivity == nullptr || window.empty()) return 0;
  double largest = std::fabs(x);
  for (const Sample& sample : window) largest = std::max(largest, std::fabs(sample.x));
  return 1e-17 * largest * test.sensitivity(window);
}

class WindowFunctionTest : public testing::TestWithParam<Case> {};

TEST_P(WindowFunctionTest, IsAsItsDefinitionAtEveryEvent) {
  const Case& test = GetParam();
  const FunctionSpec& spec = *FindFunction(test.name);
  EXPECT_EQ(spec.min_samples, test.min_samples);
  EXPECT_TRUE(spec.windowed);
  std::size_t values = 0;
  EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
    const auto events = test::RandomEvents(seed);
    CallConstants constants = test::TypicalConstants(spec);
    if (seed % 4 == 1) constants.min_samples = 3;
    const auto state = spec.make(constants);
    const auto cells = test::EvaluateSplit(spec, *state, events, seed);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const double defined = Defined(test, events, i, constants);
      if (!Agree(cells[i].number, defined, test.tolerance)) {
        RC_LOG() << "event " << i << ": " << cells[i].number << ", not " << defined << "\n";
        RC_FAIL("differs from the definition");
      }
      if (!std::isnan(defined)) ++values;
    }
  }));
  EXPECT_GT(values, 1000u);
}

TEST_P(WindowFunctionTest, IsCloseToItsDefinitionForValuesOfEveryMagnitude) {
  const Case& test = GetParam();
  const FunctionSpec& spec = *FindFunction(test.name);
  EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
    const auto events = test::RandomEvents(seed, {.wild = true});
    const CallConstants constants = test::TypicalConstants(spec);
    const auto state = spec.make(constants);
    const auto cells = test::EvaluateSplit(spec, *state, events, seed);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const double defined = Defined(test, events, i, constants);
      const auto window = WindowOf(test, events, i, constants);
      const double error = ErrorBeyondExactSums(test, window, events[i].x);
      // The reference is not exact here: 113 bits do not hold such sums.
      if (!Agree(cells[i].number, defined, std::max(test.tolerance, 1e-12), error)) {
        RC_LOG() << "event " << i << ": " << cells[i].number << ", not " << defined << "\n";
        RC_FAIL("differs from the definition");
      }
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(All, WindowFunctionTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

std::vector<CellValue> Values(std::string_view name, std::vector<TestEvent> events,
                              std::int64_t window_us) {
  test::MarkOrder(events);
  const FunctionSpec& spec = *FindFunction(name);
  CallConstants constants = test::TypicalConstants(spec);
  constants.window_us = window_us;
  return test::Evaluate(spec, *spec.make(constants), events);
}

TEST(WindowFunctionsTest, LeaveOutTheReadingThatIsExactlyAWindowOld) {
  const auto cells =
      Values("sum", {{.t_us = 0, .x = 1}, {.t_us = 60 * kSecond, .x = 2}}, 60 * kSecond);
  EXPECT_EQ(cells[1].number, 2);
}

TEST(WindowFunctionsTest, GiveAReadingOutOfOrderTheWindowUpToItsOwnTime) {
  const auto cells = Values(
      "max",
      {{.t_us = 0, .x = 5}, {.t_us = 20, .x = 9}, {.t_us = 10, .x = 7}, {.t_us = 21, .x = 1}},
      kSecond);
  EXPECT_EQ(cells[2].number, 7);
  EXPECT_EQ(cells[3].number, 9);
}

TEST(WindowFunctionsTest, SumExactlyWhereDoublesCancel) {
  const auto cells = Values(
      "sum", {{.t_us = 0, .x = 1e16}, {.t_us = 1, .x = 1}, {.t_us = 2, .x = -1e16}}, kSecond);
  EXPECT_EQ(cells[2].number, 1);
}

TEST(WindowFunctionsTest, TakeAValueBeyondEveryMeasurementForNull) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto cells = Values("count", {{.t_us = 0, .x = infinity}, {.t_us = 1, .x = -0.0}}, kSecond);
  EXPECT_TRUE(std::isnan(cells[0].number));
  EXPECT_EQ(cells[1].number, 1);
}

struct Number : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingView& window, double) const {
    return window.size() * 1000 + window[0].x;
  }
};

TEST(WindowFunctionsTest, LetTheOldestReadingsGoBeyondTheMostADeviceMayKeep) {
  std::vector<TestEvent> events;
  for (int i = 0; i < 6; ++i) events.push_back({.t_us = i / 2, .x = 1.0 * i});
  std::vector<WindowArgument> arguments(1);
  arguments[0].calls.push_back(
      {MakeWindow<Number>({.window_us = kSecond, .min_samples = 1}), kSecond});
  SharedWindows state(std::move(arguments), 4);
  const auto cells = test::Evaluate(*FindFunction("count"), state, events);
  EXPECT_EQ(cells[3].number, 4000);
  EXPECT_EQ(cells[4].number, 3002);  // the two oldest have the same time: both go
  EXPECT_EQ(cells[5].number, 4002);
}

TEST(WindowFunctionsTest, LetTheOldestReadingGoForALateOneThatIsKept) {
  std::vector<TestEvent> events;
  for (int i = 0; i < 4; ++i) events.push_back({.t_us = i * 10, .x = 1.0 * i});
  events.push_back({.t_us = 25, .in_order = false, .x = 100});
  events.push_back({.t_us = 40, .x = 4});
  std::vector<WindowArgument> arguments(1);
  const FunctionSpec& sum = *FindFunction("sum");
  arguments[0].calls.push_back(MakeWindowCall(sum, {.window_us = kSecond}));
  SharedWindows state(std::move(arguments), 4);
  const auto cells = test::Evaluate(sum, state, events);
  EXPECT_EQ(cells[3].number, 6);
  EXPECT_EQ(cells[4].number, 1 + 2 + 100);      // up to its time, without the oldest
  EXPECT_EQ(cells[5].number, 2 + 100 + 3 + 4);  // the next oldest is gone, too
}

// A rescan at each event would take 100,000^2 / 2 steps: minutes here, where this takes seconds.
TEST(WindowFunctionsTest, SlideOverManyReadings) {
  constexpr std::size_t kReadings = 100'000;
  std::vector<TestEvent> events(2 * kReadings);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].t_us = static_cast<std::int64_t>(i) * 1000;
    events[i].x = static_cast<double>(i * 7919 % 10'007) / 100;
    events[i].truth = i % 2 == 0 ? kTrue : kFalse;
  }
  for (const Case& test : kCases) {
    const auto cells = Values(test.name, events, kReadings * 1000);
    const FunctionSpec& spec = *FindFunction(test.name);
    const std::size_t last = events.size() - 1;
    CallConstants constants = test::TypicalConstants(spec);
    constants.window_us = kReadings * 1000;
    EXPECT_TRUE(Agree(cells[last].number, Defined(test, events, last, constants),
                      std::max(test.tolerance, 1e-12)))
        << test.name << " " << cells[last].number;
  }
}

}  // namespace
}  // namespace tocsin
