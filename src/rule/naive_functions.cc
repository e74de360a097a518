// The functions of the rule language over the whole history, from their definitions.

#include <algorithm>
#include <cmath>
#include <map>

#include "rule/naive_rules.h"

namespace tocsin {
namespace {

double Mean(const std::vector<double>& values) {
  long double sum = 0;
  for (const double value : values) sum += value;
  return static_cast<double>(sum / static_cast<long double>(values.size()));
}

double Deviation(const std::vector<double>& values) {
  if (std::ranges::all_of(values, [&](double value) { return value == values[0]; })) return 0;
  long double mean = 0, sum = 0;
  for (const double value : values) mean += value;
  mean /= static_cast<long double>(values.size());
  for (const double value : values) sum += (value - mean) * (value - mean);
  return static_cast<double>(std::sqrt(sum / static_cast<long double>(values.size())));
}

double Quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  const double h = static_cast<double>(values.size() - 1) * q;
  const auto i = static_cast<std::size_t>(h);
  if (i + 1 == values.size()) return values[i];
  return values[i] + (h - static_cast<double>(i)) * (values[i + 1] - values[i]);
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double MedianDeviation(const std::vector<double>& values) {
  const double median = Median(values);
  std::vector<double> distances;
  for (const double value : values) distances.push_back(std::abs(value - median));
  return Median(distances);
}

}  // namespace

std::vector<std::size_t> NaiveRules::RowsOfDevice(std::size_t row) const {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i <= row; ++i) {
    if (events_[i].device == events_[row].device) rows.push_back(i);
  }
  return rows;
}

std::int64_t NaiveRules::Clock(std::size_t row) const {
  std::int64_t clock = events_[row].t_us;
  for (const std::size_t i : RowsOfDevice(row)) clock = std::max(clock, events_[i].t_us);
  return clock;
}

// The readings that row sees: those of its window that are still kept (shared_windows.h says
// which).
bool NaiveRules::Sees(const Node& node, std::size_t row, std::size_t other) const {
  if (row == other) return true;
  const std::int64_t t = events_[other].t_us;
  const std::int64_t window_us = node.call.window_us;
  const std::int64_t kept_us =
      window_us + std::clamp<std::int64_t>(window_us, 60'000'000, 600'000'000);
  return t <= events_[row].t_us && t > events_[row].t_us - window_us && t > Clock(row) - kept_us;
}

// By time, readings of equal time in the order of arrival.
std::vector<NaiveRules::Reading> NaiveRules::Window(const Node& node, std::size_t row) const {
  std::vector<Reading> readings;
  for (const std::size_t i : RowsOfDevice(row)) {
    const auto value = events_[i].metrics[node.children[0]->metric];
    if (!value || !Sees(node, row, i)) continue;
    readings.push_back({events_[i].t_us, *value, i});
  }
  std::ranges::stable_sort(readings, {}, &Reading::t_us);
  return readings;
}

std::vector<NaiveRules::Reading> NaiveRules::InOrder(const Node& node, std::size_t row) const {
  std::vector<Reading> readings;
  for (const std::size_t i : RowsOfDevice(row)) {
    const auto value = events_[i].metrics[node.children[0]->metric];
    if (value && events_[i].in_order) readings.push_back({events_[i].t_us, *value, i});
  }
  return readings;
}

NaiveValue NaiveRules::Call(const Node& node, std::size_t row) {
  const std::string_view name = node.function->name;
  if (name == "count_true") return CountTrue(node, row);
  if (name == "zscore" || name == "mad_score") return Score(node, row);
  if (name.starts_with("tumbling_")) return Tumbling(node, row);
  if (node.function->windowed) return Windowed(node, row);
  if (name == "absent") return {.truth = false};
  if (!events_[row].in_order) return {};
  if (name == "gap") return Gap(node, row);
  if (name == "consecutive") return Consecutive(node, row);
  if (name == "stuck") return Stuck(node, row);
  if (name == "spike") return Spike(node, row);
  if (name == "ewma") return Ewma(node, row);
  const auto now = events_[row].metrics[node.children[0]->metric];
  std::optional<double> before;
  for (const Reading& reading : InOrder(node, row)) {
    if (reading.row != row) before = reading.value;
  }
  if (name == "lag") return {.number = before};
  if (!now || !before) return {};
  return {.truth = *now != *before};
}

NaiveValue NaiveRules::Windowed(const Node& node, std::size_t row) const {
  const std::vector<Reading> readings = Window(node, row);
  if (readings.empty() || readings.size() < node.call.min_samples) return {};
  std::vector<double> values;
  for (const Reading& reading : readings) values.push_back(reading.value);
  const auto n = static_cast<double>(values.size());
  const std::string_view name = node.function->name;
  if (name == "avg") return {.number = Mean(values), .rounded = true};
  if (name == "sum") return {.number = Mean(values) * n, .rounded = true};
  if (name == "min") return {.number = *std::ranges::min_element(values)};
  if (name == "max") return {.number = *std::ranges::max_element(values)};
  if (name == "count") return {.number = n};
  if (name == "stddev") return {.number = Deviation(values), .rounded = true};
  if (name == "median") return {.number = Median(values), .rounded = true};
  if (name == "quantile") {
    return {.number = Quantile(values, node.call.number), .rounded = true};
  }
  if (name == "changes") {
    int changes = 0;
    for (std::size_t i = 1; i < values.size(); ++i) changes += values[i] != values[i - 1];
    return {.number = changes};
  }
  const double delta = values.back() - values.front();
  const double seconds = static_cast<double>(readings.back().t_us - readings.front().t_us) / 1e6;
  if (name == "delta") return {.number = delta};
  if (seconds == 0) return {};
  if (name == "rate") return {.number = delta / seconds, .rounded = true};
  std::vector<double> times;  // derivative
  for (const Reading& reading : readings) {
    times.push_back(static_cast<double>(reading.t_us - readings[0].t_us) / 1e6);
  }
  const double mean_time = Mean(times), mean_value = Mean(values);
  double above = 0, below = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    above += (times[i] - mean_time) * (values[i] - mean_value);
    below += (times[i] - mean_time) * (times[i] - mean_time);
  }
  return {.number = above / below, .rounded = true};
}

NaiveValue NaiveRules::Score(const Node& node, std::size_t row) const {
  const auto now = events_[row].metrics[node.children[0]->metric];
  std::vector<double> others;
  for (const Reading& reading : Window(node, row)) {
    if (reading.row != row) others.push_back(reading.value);
  }
  if (!now || others.empty() || others.size() < node.call.min_samples) return {};
  const bool robust = node.function->name == "mad_score";
  const double spread = robust ? 1.4826 * MedianDeviation(others) : Deviation(others);
  if (spread == 0) return {};
  const double centre = robust ? Median(others) : Mean(others);
  return {.number = (*now - centre) / spread, .rounded = true};
}

NaiveValue NaiveRules::CountTrue(const Node& node, std::size_t row) {
  std::uint32_t samples = 0, count = 0;
  for (const std::size_t i : RowsOfDevice(row)) {
    if (!Sees(node, row, i)) continue;
    ++samples;
    if (At(*node.children[0], i).truth.value_or(false)) ++count;
  }
  if (samples < node.call.min_samples) return {};
  return {.number = count};
}

NaiveValue NaiveRules::Consecutive(const Node& node, std::size_t row) {
  double run = 0;
  for (const std::size_t i : RowsOfDevice(row)) {
    if (!events_[i].in_order) continue;
    run = At(*node.children[0], i).truth.value_or(false) ? run + 1 : 0;
  }
  return {.truth = run >= node.call.number};
}

NaiveValue NaiveRules::Stuck(const Node& node, std::size_t row) const {
  const std::vector<Reading> readings = InOrder(node, row);
  if (readings.empty() || readings.back().row != row) return {};
  std::size_t first = readings.size() - 1;
  while (first > 0 && readings[first - 1].value == readings[first].value) --first;
  return {.truth = events_[row].t_us - readings[first].t_us >= node.call.window_us};
}

NaiveValue NaiveRules::Spike(const Node& node, std::size_t row) const {
  const std::vector<Reading> readings = InOrder(node, row);
  if (readings.empty() || readings.back().row != row) return {};
  std::vector<double> before;
  for (std::size_t i = readings.size() - 1; i > 0 && before.size() < 30; --i) {
    before.push_back(readings[i - 1].value);
  }
  if (before.size() < 10) return {};
  const double spread = MedianDeviation(before);
  if (spread == 0) return {};
  return {.truth = std::abs(readings.back().value - Median(before)) >
                   node.call.number * 1.4826 * spread};
}

NaiveValue NaiveRules::Ewma(const Node& node, std::size_t row) const {
  std::optional<double> s;
  std::int64_t before = 0;
  for (const Reading& reading : InOrder(node, row)) {
    const double age = static_cast<double>(reading.t_us - before);
    const double a = 1 - std::exp2(-age / static_cast<double>(node.call.window_us));
    s = s ? *s + a * (reading.value - *s) : reading.value;
    before = reading.t_us;
  }
  return {.number = s, .rounded = true};
}

NaiveValue NaiveRules::Gap(const Node& node, std::size_t row) const {
  std::optional<std::int64_t> before;
  for (const std::size_t i : RowsOfDevice(row)) {
    if (i != row) before = std::max(before.value_or(events_[i].t_us), events_[i].t_us);
  }
  return {.truth = before && events_[row].t_us - *before > node.call.window_us};
}

NaiveValue NaiveRules::Tumbling(const Node& node, std::size_t row) const {
  const std::int64_t width = node.call.window_us;
  std::map<std::int64_t, std::vector<double>> windows;  // by end
  for (const std::size_t i : RowsOfDevice(row)) {
    const auto value = events_[i].metrics[node.children[0]->metric];
    const std::int64_t end = (events_[i].t_us / width + 1) * width;
    if (value && end > Clock(i)) windows[end].push_back(*value);
  }
  const auto open = windows.upper_bound(Clock(row));
  if (open == windows.begin()) return {};
  const auto& [end, values] = *std::prev(open);
  if (events_[row].t_us < end) return {};
  const std::string_view name = node.function->name;
  if (name == "tumbling_count") return {.number = static_cast<double>(values.size())};
  if (name == "tumbling_min") return {.number = *std::ranges::min_element(values)};
  if (name == "tumbling_max") return {.number = *std::ranges::max_element(values)};
  return {.number = Mean(values), .rounded = true};
}

}  // namespace tocsin
