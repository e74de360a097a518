#include "functions/function_specs.h"
#include "functions/spike_state.h"

namespace tocsin::function_spec {
namespace {

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<SpikeState>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "k", .kind = ParameterKind::kNumber, .min = 0, .max = 1000000},
};

}  // namespace

constinit const FunctionSpec spike = {
    .name = "spike",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .summary =
        "True when the reading lies more than k robust standard deviations from the recent "
        "median.",
    .details =
        "|x - median| > k * 1.4826 * MAD over the 30 readings before the current one, by "
        "count and not by time. Unknown with fewer than 10 of them, when their MAD is 0, and "
        "at an event without the metric. An event out of order does not count, and the value "
        "there is unknown.",
    .example = "spike(temperature, 6)",
    .make = Make,
};

}  // namespace tocsin::function_spec
