#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct RateKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingView& window, double) const {
    const Reading first = window.front();
    const Reading last = window.back();
    if (first.t_us == last.t_us) return kNullNumber;
    return (last.x - first.x) / (static_cast<double>(last.t_us - first.t_us) / 1e6);
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(rate, constants);
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
    .window = MakeWindow<RateKind>,
};

}  // namespace tocsin::function_spec
