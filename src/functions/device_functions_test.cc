#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <ostream>
#include <string>

#include "functions/function_test_support.h"

// The functions without a sliding window against their definitions, worked out anew from the whole
// list of events at each of them.
namespace tocsin {
namespace {

using test::kSecond;
using test::TestEvent;
using Events = std::span<const TestEvent>;

constexpr std::int64_t kWindow = 60 * kSecond;

// The events in order of the device of events[i], before it.
std::vector<TestEvent> Before(Events events, std::size_t i, bool readings_only) {
  std::vector<TestEvent> result;
  for (std::size_t k = 0; k < i; ++k) {
    if (events[k].device != events[i].device || !events[k].in_order) continue;
    if (readings_only && events[k].null) continue;
    result.push_back(events[k]);
  }
  return result;
}
CellValue Number(double number) {
  return NumberValue(number);
}

CellValue LagDefined(Events events, std::size_t i) {
  const auto past = Before(events, i, true);
  return events[i].in_order && !past.empty() ? Number(past.back().x) : CellValue{};
}
CellValue ChangedDefined(Events events, std::size_t i) {
  const double lag = LagDefined(events, i).number;
  return std::isnan(lag) || events[i].null ? CellValue{} : TruthValue(lag != events[i].x);
}
CellValue EwmaDefined(Events events, std::size_t i) {
  if (!events[i].in_order) return {};
  auto all = Before(events, i, true);
  if (!events[i].null) all.push_back(events[i]);
  if (all.empty()) return {};
  double s = all[0].x;
  for (std::size_t k = 1; k < all.size(); ++k) {
    const double dt = static_cast<double>(all[k].t_us - all[k - 1].t_us);
    s += (1 - std::pow(2.0, -dt / static_cast<double>(kWindow))) * (all[k].x - s);
  }
  return Number(s);
}
CellValue ConsecutiveDefined(Events events, std::size_t i) {
  if (!events[i].in_order) return {};
  auto all = Before(events, i, false);
  all.push_back(events[i]);
  if (all.size() < 3) return TruthValue(false);
  return TruthValue(std::all_of(all.end() - 3, all.end(),
                                [](const TestEvent& event) { return event.truth == kTrue; }));
}
CellValue AbsentDefined(Events, std::size_t) {
  return TruthValue(false);
}
CellValue GapDefined(Events events, std::size_t i) {
  if (!events[i].in_order) return {};
  const auto past = Before(events, i, false);
  return TruthValue(!past.empty() && events[i].t_us - past.back().t_us > kWindow);
}
CellValue StuckDefined(Events events, std::size_t i) {
  if (!events[i].in_order || events[i].null) return {};
  const auto past = Before(events, i, true);
  std::int64_t since = events[i].t_us;
  for (std::size_t k = past.size(); k > 0 && past[k - 1].x == events[i].x; --k) {
    since = past[k - 1].t_us;
  }
  return TruthValue(events[i].t_us - since >=
                    test::TypicalConstants(*FindFunction("stuck")).window_us);
}
double Middle(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}
CellValue SpikeDefined(Events events, std::size_t i) {
  if (!events[i].in_order || events[i].null) return {};
  auto past = Before(events, i, true);
  if (past.size() > 30) past.erase(past.begin(), past.end() - 30);
  if (past.size() < 10) return {};
  std::vector<double> values, distances;
  for (const TestEvent& event : past) values.push_back(event.x);
  const double median = Middle(values);
  for (const double x : values) distances.push_back(std::fabs(x - median));
  const double mad = Middle(distances);
  if (mad == 0) return {};
  return TruthValue(std::fabs((events[i].x - median) / (1.4826 * mad)) > 2);
}

std::int64_t WindowEnd(std::int64_t t_us) {
  std::int64_t k = t_us / kWindow;
  if (t_us % kWindow < 0) --k;
  return (k + 1) * kWindow;
}
// Of the device's events up to and with `last`: the readings that entered the newest window that
// was closed by `clock_us`; an event enters unless its window was closed when it came.
std::vector<double> NewestClosed(Events events, std::size_t last, std::uint32_t device,
                                 std::int64_t clock_us, std::int64_t& end_us) {
  std::map<std::int64_t, std::vector<double>> windows;
  std::int64_t clock = INT64_MIN;
  for (std::size_t k = 0; k <= last; ++k) {
    if (events[k].device != device) continue;
    clock = std::max(clock, events[k].t_us);
    const std::int64_t end = WindowEnd(events[k].t_us);
    if (!events[k].null && end > clock) windows[end].push_back(events[k].x);
  }
  std::vector<double> newest;
  for (auto& [end, values] : windows) {
    if (end > clock_us) continue;
    newest = values;
    end_us = end;
  }
  return newest;
}
double Fold(std::string_view name, const std::vector<double>& values) {
  if (name == "tumbling_min") return *std::ranges::min_element(values);
  if (name == "tumbling_max") return *std::ranges::max_element(values);
  if (name == "tumbling_count") return static_cast<double>(values.size());
  __extension__ __float128 sum = 0;
  for (const double x : values) sum += x;
  return static_cast<double>(sum) / static_cast<double>(values.size());
}
CellValue TumblingDefined(std::string_view name, Events events, std::size_t i) {
  std::int64_t clock = INT64_MIN, end = 0;
  for (std::size_t k = 0; k <= i; ++k) {
    if (events[k].device == events[i].device) clock = std::max(clock, events[k].t_us);
  }
  const auto values = NewestClosed(events, i, events[i].device, clock, end);
  return values.empty() || end > events[i].t_us ? CellValue{} : Number(Fold(name, values));
}

struct Case {
  std::string name;
  std::function<CellValue(Events, std::size_t)> definition;
  double tolerance = 0;
  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
};
Case Tumbling(const std::string& name) {
  return {name, [name](Events events, std::size_t i) { return TumblingDefined(name, events, i); }};
}
const Case kCases[] = {
    {"lag", LagDefined},          {"changed", ChangedDefined},
    {"ewma", EwmaDefined, 1e-12}, {"consecutive", ConsecutiveDefined},
    {"absent", AbsentDefined},    {"gap", GapDefined},
    Tumbling("tumbling_avg"),     Tumbling("tumbling_min"),
    Tumbling("tumbling_max"),     Tumbling("tumbling_count"),
    {"stuck", StuckDefined},      {"spike", SpikeDefined},
};

class DeviceFunctionTest : public testing::TestWithParam<Case> {};

TEST_P(DeviceFunctionTest, IsAsItsDefinitionAtEveryEvent) {
  const Case& test = GetParam();
  const FunctionSpec& spec = *FindFunction(test.name);
  std::size_t values = 0;
  EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
    const auto events = test::RandomEvents(seed);
    const auto state = spec.make(test::TypicalConstants(spec));
    const auto cells = test::EvaluateSplit(spec, *state, events, seed);
    for (std::size_t i = 0; i < events.size(); ++i) {
      const CellValue defined = test.definition(events, i);
      const bool both_null = std::isnan(cells[i].number) && std::isnan(defined.number);
      const bool near = std::fabs(cells[i].number - defined.number) <=
                        test.tolerance * std::max(1.0, std::fabs(defined.number));
      if ((!both_null && !near) || cells[i].truth != defined.truth) {
        RC_LOG() << "event " << i << ": " << cells[i].number << "/" << int{cells[i].truth}
                 << ", not " << defined.number << "/" << int{defined.truth} << "\n";
        RC_FAIL("differs from the definition");
      }
      if (defined.truth == kTrue || !std::isnan(defined.number)) ++values;
    }
  }));
  if (test.name != "absent") {
    EXPECT_GT(values, 100u);
  }
}

INSTANTIATE_TEST_SUITE_P(All, DeviceFunctionTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return test.param.name; });

// Between events: At() against the definition, and NextChange() never too late.
TEST(TimeDrivenFunctionTest, TellsItsValueAndItsNextChangeAtAnyTime) {
  for (const std::string name :
       {"absent", "tumbling_avg", "tumbling_min", "tumbling_max", "tumbling_count"}) {
    const FunctionSpec& spec = *FindFunction(name);
    EXPECT_TRUE(spec.time_driven);
    EXPECT_TRUE(rc::check([&](std::uint32_t seed) {
      const auto events = test::RandomEvents(seed, {.events = 40});
      const auto state = spec.make(test::TypicalConstants(spec));
      test::Evaluate(spec, *state, events);
      std::int64_t clock = INT64_MIN;
      for (const TestEvent& event : events) {
        if (event.device == 0) clock = std::max(clock, event.t_us);
      }
      RC_PRE(clock != INT64_MIN);
      FunctionState::ValueAt before = state->At(0, clock);
      std::int64_t next = state->NextChange(0, clock);
      for (std::int64_t t = clock; t < clock + 3 * kWindow; t += kSecond / 2) {
        const auto now = state->At(0, t);
        if (t < next) RC_ASSERT(now.truth == before.truth && now.null == before.null);
        if (name == "absent") {
          RC_ASSERT(int{now.truth} == int{t >= clock + kWindow ? kTrue : kFalse});
        } else {
          std::int64_t end = 0;
          const auto values = NewestClosed(events, events.size() - 1, 0, t, end);
          RC_ASSERT(now.null == values.empty());
          if (!now.null) RC_ASSERT(now.number == Fold(name, values));
        }
        if (t >= next) {
          before = now;
          next = state->NextChange(0, t);
          RC_ASSERT(next > t);
        }
      }
      RC_ASSERT(state->NextChange(0, clock + 3 * kWindow) == FunctionState::kNever);
    })) << name;
  }
}

TEST(TimeDrivenFunctionTest, KnowsNothingOfADeviceThatWasNeverSeen) {
  for (const FunctionSpec* spec : Functions()) {
    const auto state = spec->make(test::TypicalConstants(*spec));
    EXPECT_TRUE(state->At(7, 0).null);
    EXPECT_EQ(state->At(7, 0).truth, kUnknown);
    EXPECT_EQ(state->NextChange(7, 0), FunctionState::kNever);
  }
}

}  // namespace
}  // namespace tocsin
