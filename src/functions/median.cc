#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct MedianKind : SortedKind {
  using SortedKind::SortedKind;
  double Value(const SortedWindow& sorted, const ReadingView&, double) const {
    return MedianOf(sorted, sorted.size());
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(median, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec median = {
    .name = "median",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .windowed = true,
    .summary = "Median of the readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. The mean of the two middle "
        "readings when their number is even.",
    .example = "median(temperature, 10m) > 35",
    .make = Make,
    .window = MakeWindow<MedianKind>,
};

}  // namespace tocsin::function_spec
