#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct SumKind : SumsKind<ExactSum> {
  using SumsKind::SumsKind;
  double Value(const ExactSum& sum, const ReadingView& window, double) const {
    return sum.Value(window);
  }
  double NearValue(const ExactSum& sum, std::uint32_t) const { return sum.NearValue(); }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(sum, constants);
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
    .window = MakeWindow<SumKind>,
};

}  // namespace tocsin::function_spec
