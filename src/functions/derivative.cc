#include "functions/function_specs.h"
#include "functions/moments.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct DerivativeKind : SumsKind<LineMoments> {
  using SumsKind::SumsKind;
  double Value(const LineMoments& moments, const ReadingView& window, double) const {
    return moments.Slope(window, window.size());
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(derivative, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec derivative = {
    .name = "derivative",
    .parameters = kParameters,
    .unit = ResultUnit::kPerSecond,
    .min_samples = 2,
    .windowed = true,
    .summary = "Slope per second of the least-squares line through the readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. The sum of (t - mean t)(x - "
        "mean x) divided by the sum of (t - mean t)^2, t in seconds, from exact moments; null "
        "when all readings have the same time.",
    .example = "derivative(temperature, 10m) > 0.05",
    .make = Make,
    .window = MakeWindow<DerivativeKind>,
};

}  // namespace tocsin::function_spec
