#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct SumKind : SumsKind<ExactSum> {
  using SumsKind::SumsKind;
  double Value(const ExactSum& sums, const ReadingRing& ring, std::uint32_t end, double) const {
    return Over(sums, ring, end, [&](const ExactSum& s) { return s.Value(ring, end); });
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<SumKind>(constants, sum);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec sum = {
    .name = "sum",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Sum of the readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. The sum is exact, rounded "
        "once to the nearest double: the order of the readings does not matter.",
    .example = "sum(temperature, 1h) > 500",
    .make = Make,
};

}  // namespace tocsin::function_spec
