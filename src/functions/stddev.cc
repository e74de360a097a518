#include "functions/function_specs.h"
#include "functions/moments.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct StddevKind : SumsKind<ValueMoments> {
  using SumsKind::SumsKind;
  double Value(const ValueMoments& moments, const ReadingView& window, double) const {
    return moments.StandardDeviation(window, window.size());
  }
  double NearValue(const ValueMoments& moments, std::uint32_t n) const {
    return moments.NearDeviation(n);
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(stddev, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec stddev = {
    .name = "stddev",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .min_samples = 2,
    .windowed = true,
    .summary = "Population standard deviation of the readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. sqrt(sum of (x - mean)^2 / "
        "n), from exact moments: a large common offset costs no precision.",
    .example = "stddev(temperature, 10m) > 5",
    .make = Make,
    .window = MakeWindow<StddevKind>,
};

}  // namespace tocsin::function_spec
