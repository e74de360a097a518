#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(max, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec max = {
    .name = "max",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Largest reading in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading.",
    .example = "max(temperature, 5m) > 40",
    .make = Make,
    .window = MakeWindow<ExtremeKind<false>>,
};

}  // namespace tocsin::function_spec
