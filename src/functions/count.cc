#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct CountKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingRing&, std::uint32_t end, double) const {
    return end;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<CountKind>(constants, count);
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
};

}  // namespace tocsin::function_spec
