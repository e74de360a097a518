#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct QuantileKind : SortedKind {
  explicit QuantileKind(const CallConstants& constants)
      : SortedKind(constants), q(constants.number) {}
  double Value(const SortedWindow& sorted, const ReadingView&, double) const {
    return QuantileOf(sorted, sorted.size(), q);
  }
  double q;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(quantile, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "q", .kind = ParameterKind::kNumber, .min = 0, .max = 1},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec quantile = {
    .name = "quantile",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Quantile of the readings in the window, with linear interpolation.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. With the n readings in "
        "ascending order x[0] to x[n-1] and h = (n - 1) * q, the value is x[i] + (h - i) * "
        "(x[i+1] - x[i]) for i = floor(h).",
    .example = "quantile(temperature, 0.9, 10m) > 35",
    .make = Make,
    .window = MakeWindow<QuantileKind>,
};

}  // namespace tocsin::function_spec
