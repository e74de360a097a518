#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct CountKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingView& window, double) const { return window.size(); }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(count, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec count = {
    .name = "count",
    .parameters = kParameters,
    .windowed = true,
    .summary = "Number of readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. Without a reading the value "
        "is null, not 0.",
    .example = "count(temperature, 5m) > 100",
    .make = Make,
    .window = MakeWindow<CountKind>,
};

}  // namespace tocsin::function_spec
