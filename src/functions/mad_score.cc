#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct MadScoreKind : SortedKind {
  using SortedKind::SortedKind;
  static constexpr bool kBeforeCurrent = true;
  double Value(const SortedWindow& sorted, const ReadingView&, double x) const {
    return RobustScore(sorted, sorted.size(), x);
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(mad_score, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec mad_score = {
    .name = "mad_score",
    .parameters = kParameters,
    .min_samples = 10,
    .windowed = true,
    .summary =
        "How far the current reading lies from the median of the others in the window, in "
        "robust standard deviations.",
    .details =
        "The window holds the readings with time in (t - window, t] without the current one; "
        "min_samples counts these. (x - median) / (1.4826 * MAD), where MAD is the median of "
        "|reading - median|; null when the event has no reading or MAD is 0. Outliers in the "
        "window hardly move it.",
    .example = "mad_score(temperature, 1h) > 5",
    .make = Make,
    .window = MakeWindow<MadScoreKind>,
};

}  // namespace tocsin::function_spec
