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

  void Inserted(Aggregate& kept, const ReadingView& window, std::uint32_t at) const {
    kept.trues += window[at].x != 0;
  }
  void Removing(Aggregate& kept, const ReadingView& window) const {
    kept.trues -= window.front().x != 0;
  }
  void Slide(Aggregate& kept, const Reading& left, const Reading& entered) const {
    kept.trues += entered.x != 0;
    kept.trues -= left.x != 0;
  }
  std::size_t Bytes(const Aggregate&) const { return 0; }
  double Value(const Aggregate& kept, const ReadingView&, double) const { return kept.trues; }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(count_true, constants);
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
    .window = MakeWindow<CountTrueKind>,
};

}  // namespace tocsin::function_spec
