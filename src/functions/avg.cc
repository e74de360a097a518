#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct AvgKind : SumsKind<ExactSum> {
  using SumsKind::SumsKind;
  double Value(const ExactSum& sum, const ReadingView& window, double) const {
    return sum.Value(window) / window.size();
  }
  double NearValue(const ExactSum& sum, std::uint32_t n) const { return sum.NearValue() / n; }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(avg, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec avg = {
    .name = "avg",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Average of the readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. The exact sum of the "
        "readings, rounded once, divided by their number.",
    .example = "avg(temperature, 5m) > 30",
    .make = Make,
    .window = MakeWindow<AvgKind>,
};

}  // namespace tocsin::function_spec
