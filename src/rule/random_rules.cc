#include "rule/random_rules.h"

#include <algorithm>

namespace tocsin {

std::string_view ExpressionWriter::Pick(std::initializer_list<std::string_view> of) {
  return of.begin()[random_.NextBelow(of.size())];
}

std::string ExpressionWriter::Truth(int depth) {
  const std::uint64_t kind = random_.NextBelow(depth <= 0 ? 4 : 10);
  const auto inner = [&] { return "(" + Truth(depth - 1) + ")"; };
  if (kind == 0) return Text();
  if (kind == 1) return TruthCall(depth);
  if (kind == 4) return "not " + inner();
  if (kind >= 7) {
    return inner() + std::string(Pick({" and ", " unless ", " or "})) + inner();
  }
  return Number(depth - 1) + std::string(Pick({" < ", " <= ", " > ", " >= ", " == ", " != "})) +
         Number(depth - 1);
}

std::string ExpressionWriter::Text() {
  if (Chance(30))
    return std::string(Pick({"device_id", "status", "labels.site"})) + " =~ \"dev_[01]|O.*|n\"";
  if (Chance(30))
    return std::string(Pick({"device_id", "status", "labels.site"})) + " !~ \"dev_[12]|B.D|\"";
  return std::string(Pick({"device_id", "status", "labels.site", "labels.none"})) +
         std::string(Pick({" == ", " != "})) +
         std::string(Pick({"\"dev_1\"", "\"OK\"", "\"north\"", "labels.site", "status"}));
}

std::string ExpressionWriter::Number(int depth) {
  const std::uint64_t kind = random_.NextBelow(depth <= 0 ? 4 : 9);
  if (kind == 0) return std::string(Pick({"0", "1", "2", "3", "2.5", "-1", "1e3"}));
  if (kind <= 3) return std::string(Pick({"temperature", "humidity", "light"}));
  if (kind == 4) return "-(" + Number(depth - 1) + ")";
  if (kind <= 6) return NumberCall(depth);
  return "(" + Number(depth - 1) + std::string(Pick({" + ", " - ", " * ", " / ", " % "})) +
         Number(depth - 1) + ")";
}

std::string ExpressionWriter::NumberCall(int depth) {
  const std::string metric(Pick({"temperature", "humidity", "light"}));
  const std::string window(Pick({"1s", "10s", "30s", "2m"}));
  const std::uint64_t kind = random_.NextBelow(8);
  if (kind == 0) return "lag(" + metric + ")";
  if (kind == 1)
    return "quantile(" + metric + ", 0." + std::to_string(random_.NextBelow(10)) + ", " + window +
           ")";
  if (kind == 2) return "count_true(" + Truth(depth - 1) + ", " + window + ")";
  if (kind == 3) {
    return std::string(Pick({"zscore", "mad_score"})) + "(" + metric + ", " + window +
           ", min_samples=3)";
  }
  if (kind == 4) {
    return std::string(
               Pick({"tumbling_avg", "tumbling_min", "tumbling_max", "tumbling_count", "ewma"})) +
           "(" + metric + ", " + window + ")";
  }
  return std::string(Pick({"avg", "min", "max", "sum", "count", "stddev", "median", "delta", "rate",
                           "derivative", "changes"})) +
         "(" + metric + ", " + window + (Chance(20) ? ", min_samples=3)" : ")");
}

std::string ExpressionWriter::TruthCall(int depth) {
  const std::string metric(Pick({"temperature", "humidity", "light"}));
  const std::string window(Pick({"1s", "10s", "30s"}));
  switch (random_.NextBelow(6)) {
    case 0:
      return "changed(" + metric + ")";
    case 1:
      return "consecutive(" + Truth(depth - 1) + ", " + std::to_string(1 + random_.NextBelow(3)) +
             ")";
    case 2:
      return "absent(" + window + ")";
    case 3:
      return "gap(" + window + ")";
    case 4:
      return "stuck(" + metric + ", " + window + ")";
    default:
      return "spike(" + metric + ", 1.5)";
  }
}

std::vector<NaiveEvent> RandomEvents(RandomSource& random, std::span<const MetricSpec> metrics,
                                     std::size_t count) {
  const std::uint64_t devices = 1 + random.NextBelow(4);
  const std::uint64_t step = random.NextBelow(2) == 0 ? 3 : 15;
  std::vector<std::int64_t> clocks(devices, INT64_MIN);
  std::int64_t now =
      1'700'000'000'000'000 + static_cast<std::int64_t>(random.NextBelow(60'000'000));
  std::vector<NaiveEvent> events;
  for (std::size_t i = 0; i < count; ++i) {
    now += static_cast<std::int64_t>(random.NextBelow(step) * 500'000);
    NaiveEvent event;
    event.device = static_cast<std::uint32_t>(random.NextBelow(devices));
    event.device_id = "dev_" + std::to_string(event.device);
    event.t_us = now;
    if (random.NextBelow(6) == 0) {
      event.t_us -= static_cast<std::int64_t>(random.NextBelow(40) * 500'000);
    }
    event.in_order = event.t_us >= clocks[event.device];
    clocks[event.device] = std::max(clocks[event.device], event.t_us);
    for (std::size_t metric = 0; metric < metrics.size(); ++metric) {
      event.metrics.push_back(static_cast<double>(random.NextBelow(6)) - 1);
    }
    const std::size_t reset = random.NextBelow(metrics.size());
    if (random.NextBelow(3) == 0 && !metrics[reset].required) event.metrics[reset].reset();
    if (random.NextBelow(4) != 0) event.status = random.NextBelow(2) == 0 ? "OK" : "BAD";
    events.push_back(std::move(event));
  }
  return events;
}

FakeLabels RandomLabels(RandomSource& random) {
  FakeLabels labels;
  for (int device = 0; device < 4; ++device) {
    if (random.NextBelow(3) == 0) continue;
    labels.labels[{"dev_" + std::to_string(device), "site"}] =
        random.NextBelow(2) == 0 ? "north" : "OK";
  }
  return labels;
}

}  // namespace tocsin
