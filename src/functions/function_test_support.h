#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "functions/device_state.h"
#include "functions/function.h"

// For the tests of the functions: events, the states they run through, and a store of their state.
namespace tocsin::test {

inline constexpr std::int64_t kSecond = 1'000'000;

struct TestEvent {
  std::uint32_t device = 0;
  std::int64_t t_us = 0;
  bool in_order = true;
  bool null = false;
  double x = 0;
  std::uint8_t truth = kFalse;
};

struct EventShape {
  std::size_t events = 150;
  std::int64_t step_us = 10 * kSecond;  // between a device's events, about
  bool wild = false;                    // values of every magnitude
};

// Sets in_order as the owner of the clocks does.
inline void MarkOrder(std::vector<TestEvent>& events) {
  std::map<std::uint32_t, std::int64_t> clock;
  for (TestEvent& event : events) {
    const auto [at, first] = clock.try_emplace(event.device, event.t_us);
    event.in_order = event.t_us >= at->second;
    at->second = std::max(at->second, event.t_us);
  }
}

// Several devices, ties, silences, readings out of order by little and by much, nulls, equal
// values.
inline std::vector<TestEvent> RandomEvents(std::uint32_t seed, const EventShape& shape = {}) {
  std::mt19937_64 random(seed);
  const auto below = [&](std::int64_t n) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(n));
  };
  constexpr std::uint32_t kDevices[] = {0, 5, 300};
  std::map<std::uint32_t, std::int64_t> clock;
  std::map<std::uint32_t, double> last_x;
  std::vector<TestEvent> events(shape.events);
  const std::int64_t start = below(2) == 0 ? 1'760'000'000 * kSecond + 123 : -40 * kSecond;
  for (TestEvent& event : events) {
    event.device = kDevices[below(10) < 6 ? 0 : 1 + below(2)];
    std::int64_t& t = clock.try_emplace(event.device, start).first->second;
    const std::int64_t kind = below(100);
    event.t_us = t;
    if (kind < 15) {
      event.t_us = t - below(shape.step_us * 8);
    } else if (kind < 20) {
      event.t_us = t + below(shape.step_us * 30);
    } else if (kind >= 35) {
      event.t_us = t + below(shape.step_us);
    }
    t = std::max(t, event.t_us);
    event.null = below(10) == 0;
    event.x = below(3) == 0 ? static_cast<double>(below(3))
                            : static_cast<double>(below(200'000) - 50'000) / 100;
    if (below(4) == 0) event.x = std::ldexp(static_cast<double>(below(1 << 30)) + 0.1, -20);
    if (shape.wild && below(5) == 0) event.x *= std::pow(10, static_cast<double>(below(80) - 50));
    double& last = last_x[event.device];
    if (below(4) == 0) event.x = last;
    last = event.x;
    event.truth = static_cast<std::uint8_t>(below(3));
  }
  MarkOrder(events);
  return events;
}

// Evaluates the events as one batch.
inline std::vector<CellValue> Evaluate(const FunctionSpec& spec, FunctionState& state,
                                       std::span<const TestEvent> events) {
  const std::size_t n = events.size();
  std::vector<std::uint32_t> device(n);
  std::vector<std::int64_t> time(n);
  std::vector<std::uint8_t> in_order(n), null(n), argument_truth(n), truth(n, 77),
      result_null(n, 77);
  std::vector<double> number(n), result(n, -77);
  for (std::size_t i = 0; i < n; ++i) {
    device[i] = events[i].device;
    time[i] = events[i].t_us;
    in_order[i] = events[i].in_order ? 1 : 0;
    null[i] = events[i].null ? 1 : 0;
    number[i] = events[i].null ? 1e9 : events[i].x;
    argument_truth[i] = events[i].truth;
  }
  ArgumentColumn argument;
  switch (spec.parameters[0].kind) {
    case ParameterKind::kMetric:
      argument = {.number = number, .null = null, .truth = {}};
      break;
    case ParameterKind::kTruth:
      argument = {.number = {}, .null = {}, .truth = argument_truth};
      break;
    default:
      break;
  }
  const bool truths = spec.result == ValueType::kTruth;
  ResultColumn column;
  if (truths) {
    column.truth = truth;
  } else {
    column.number = result;
    column.null = result_null;
  }
  state.Evaluate({device, time, in_order}, argument, column);
  std::vector<CellValue> cells(n);
  for (std::size_t i = 0; i < n; ++i) {
    if (truths) {
      cells[i].truth = truth[i];
    } else if (result_null[i] != 1) {
      cells[i].number = result_null[i] == 0 ? result[i] : -777;
    }
  }
  return cells;
}

// The same in batches of random sizes.
inline std::vector<CellValue> EvaluateSplit(const FunctionSpec& spec, FunctionState& state,
                                            std::span<const TestEvent> events, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<CellValue> cells;
  while (!events.empty()) {
    const std::size_t n = std::min<std::size_t>(events.size(), 1 + random() % 40);
    const auto some = Evaluate(spec, state, events.first(n));
    cells.insert(cells.end(), some.begin(), some.end());
    events = events.subspan(n);
  }
  return cells;
}

inline bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

// Keyed state between two runs.
struct StateStore {
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> parts;
  std::size_t bytes_put = 0;

  void TakeFrom(FunctionState& state, bool everything) {
    if (everything) parts.clear();
    state.Flush(everything, [&](std::uint32_t device, std::uint64_t part, std::string_view value) {
      bytes_put += value.size();
      if (value.empty()) {
        parts.erase({device, part});
      } else {
        parts[{device, part}] = std::string(value);
      }
    });
  }
  // False when a part was refused.
  bool GiveTo(FunctionState& state) const {
    bool all = true;
    for (const auto& [key, value] : parts) all &= state.Restore(key.first, key.second, value);
    state.Finish();
    return all;
  }
};

// Constants under which the random events make every function show its ways.
inline CallConstants TypicalConstants(const FunctionSpec& spec) {
  CallConstants constants;
  constants.window_us = 60 * kSecond;
  constants.min_samples = 0;
  if (spec.name == "stuck") constants.window_us = 12 * kSecond;
  if (spec.name == "quantile") constants.number = 0.9;
  if (spec.name == "consecutive") constants.number = 3;
  if (spec.name == "spike") constants.number = 2;
  return constants;
}

}  // namespace tocsin::test
