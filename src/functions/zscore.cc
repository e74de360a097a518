#include "functions/function_specs.h"
#include "functions/moments.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct ZscoreKind : SumsKind<ValueMoments> {
  using SumsKind::SumsKind;
  static constexpr bool kBeforeCurrent = true;
  double Value(const ValueMoments& moments, const ReadingView& window, double x) const {
    return moments.Score(window, window.size(), x);
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(zscore, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec zscore = {
    .name = "zscore",
    .parameters = kParameters,
    .min_samples = 10,
    .windowed = true,
    .summary =
        "How many standard deviations the current reading lies from the average of the others "
        "in the window.",
    .details =
        "The window holds the readings with time in (t - window, t] without the current one; "
        "min_samples counts these. (x - average) / population standard deviation; null when "
        "the event has no reading or that deviation is 0.",
    .example = "zscore(temperature, 1h) > 4",
    .make = Make,
    .window = MakeWindow<ZscoreKind>,
};

}  // namespace tocsin::function_spec
