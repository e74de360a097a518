#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

// A reading is 1 where the condition was true and 0 elsewhere.
struct CountTrueKind : EndsKind {
  using EndsKind::EndsKind;
  struct Aggregate {
    std::uint32_t trues = 0;
  };
  static constexpr bool kCountsUnknown = true;

  void Inserted(Aggregate& kept, const ReadingRing& ring, std::uint32_t at) const {
    kept.trues += ring[at].x != 0;
  }
  void Removing(Aggregate& kept, const ReadingRing& ring) const { kept.trues -= ring[0].x != 0; }
  std::size_t Bytes(const Aggregate&) const { return 0; }
  double Value(const Aggregate& kept, const ReadingRing& ring, std::uint32_t end, double) const {
    std::uint32_t trues = kept.trues;
    for (std::uint32_t i = end; i < ring.size(); ++i) trues -= ring[i].x != 0;
    return trues;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<CountTrueKind>(constants, count_true);
}

constexpr Parameter kParameters[] = {
    {.name = "condition", .kind = ParameterKind::kTruth},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec count_true = {
    .name = "count_true",
    .parameters = kParameters,
    .windowed = true,
    .summary = "Number of events in the window at which the condition was true.",
    .details =
        "The window holds the events with time in (t - window, t], the current one included. "
        "Every event is a sample; one at which the condition is false or unknown adds nothing "
        "to the count.",
    .example = "count_true(temperature > 30, 10m) >= 5",
    .make = Make,
};

}  // namespace tocsin::function_spec
