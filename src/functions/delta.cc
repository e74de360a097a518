#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct DeltaKind : EndsKind {
  using EndsKind::EndsKind;
  double Value(const Aggregate&, const ReadingRing& ring, std::uint32_t end, double) const {
    return ring[end - 1].x - ring[0].x;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<DeltaKind>(constants, delta);
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
};

}  // namespace tocsin::function_spec
