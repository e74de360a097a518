#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct DeltaKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingView& window, double) const {
    return window.back().x - window.front().x;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(delta, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec delta = {
    .name = "delta",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .min_samples = 2,
    .windowed = true,
    .summary = "Last reading in the window minus the first.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. First and last by time; "
        "readings of equal time are in the order of arrival.",
    .example = "delta(temperature, 10m) > 5",
    .make = Make,
    .window = MakeWindow<DeltaKind>,
};

}  // namespace tocsin::function_spec
