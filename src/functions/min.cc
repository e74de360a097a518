#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(min, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec min = {
    .name = "min",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Smallest reading in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading.",
    .example = "min(temperature, 5m) < -10",
    .make = Make,
    .window = MakeWindow<ExtremeKind<true>>,
};

}  // namespace tocsin::function_spec
