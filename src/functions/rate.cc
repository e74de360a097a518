#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct RateKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingRing& ring, std::uint32_t end, double) const {
    const std::int64_t us = ring[end - 1].t_us - ring[0].t_us;
    if (us == 0) return kNullNumber;
    return (ring[end - 1].x - ring[0].x) / (static_cast<double>(us) / 1e6);
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<RateKind>(constants, rate);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec rate = {
    .name = "rate",
    .parameters = kParameters,
    .unit = ResultUnit::kPerSecond,
    .min_samples = 2,
    .windowed = true,
    .summary = "Change per second between the first and the last reading in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. delta(metric, window) "
        "divided by the seconds between these two readings; null when they have the same "
        "time.",
    .example = "rate(temperature, 10m) > 0.05",
    .make = Make,
};

}  // namespace tocsin::function_spec
