#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct ChangesKind : EndsKind {
  using EndsKind::EndsKind;
  struct Aggregate {
    std::uint32_t changes = 0;  // pairs of neighbours in the window that differ
  };

  void Inserted(Aggregate& kept, const ReadingView& window, std::uint32_t at) const {
    const bool has_left = at > 0, has_right = at + 1 < window.size();
    if (has_left) kept.changes += Differ(window, at - 1, at);
    if (has_right) kept.changes += Differ(window, at, at + 1);
    if (has_left && has_right) kept.changes -= Differ(window, at - 1, at + 1);
  }
  void Removing(Aggregate& kept, const ReadingView& window) const {
    if (window.size() > 1) kept.changes -= Differ(window, 0, 1);
  }
  void Slide(Aggregate& kept, const WindowMove& move, std::uint32_t argument) const {
    if (move.size < 2) return;  // one reading before, one afterwards
    const ReadingRing& ring = move.slot->ring;
    const std::uint32_t newest = ring.size() - 1;
    const double left = ReadingOf(move.oldest, argument).x;
    const double entered = ReadingOf(move.entered, argument).x;
    kept.changes += ring.ValueAt(newest - 1, argument) != entered ? 1u : 0u;
    kept.changes -= ring.ValueAt(newest - move.size + 1, argument) != left ? 1u : 0u;
  }
  std::size_t Bytes(const Aggregate&) const { return 0; }
  double Value(const Aggregate& kept, const ReadingView&, double) const { return kept.changes; }

 private:
  static std::uint32_t Differ(const ReadingView& window, std::uint32_t a, std::uint32_t b) {
    return window[a].x != window[b].x ? 1 : 0;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeAlone(changes, constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec changes = {
    .name = "changes",
    .parameters = kParameters,
    .windowed = true,
    .summary = "How often the value changed between consecutive readings in the window.",
    .details =
        "The window holds the readings with time in (t - window, t], the current one "
        "included; an event without the metric brings no reading. Readings follow each other "
        "by time, readings of equal time in the order of arrival. One reading alone gives 0.",
    .example = "changes(temperature, 10m) == 0",
    .make = Make,
    .window = MakeWindow<ChangesKind>,
};

}  // namespace tocsin::function_spec
