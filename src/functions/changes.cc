#include "functions/function_specs.h"
#include "functions/window_kinds.h"

namespace tocsin::function_spec {
namespace {

struct ChangesKind : EndsKind {
  using EndsKind::EndsKind;
  struct Aggregate {
    std::uint32_t changes = 0;  // pairs of neighbours in the ring that differ
  };

  void Inserted(Aggregate& kept, const ReadingRing& ring, std::uint32_t at) const {
    const bool has_left = at > 0, has_right = at + 1 < ring.size();
    if (has_left) kept.changes += Differ(ring, at - 1, at);
    if (has_right) kept.changes += Differ(ring, at, at + 1);
    if (has_left && has_right) kept.changes -= Differ(ring, at - 1, at + 1);
  }
  void Removing(Aggregate& kept, const ReadingRing& ring) const {
    if (ring.size() > 1) kept.changes -= Differ(ring, 0, 1);
  }
  std::size_t Bytes(const Aggregate&) const { return 0; }
  double Value(const Aggregate& kept, const ReadingRing& ring, std::uint32_t end, double) const {
    std::uint32_t changes = kept.changes;
    for (std::uint32_t i = end; i < ring.size(); ++i) changes -= Differ(ring, i - 1, i);
    return changes;
  }

 private:
  static std::uint32_t Differ(const ReadingRing& ring, std::uint32_t a, std::uint32_t b) {
    return ring[a].x != ring[b].x ? 1 : 0;
  }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeWindow<ChangesKind>(constants, changes);
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
};

}  // namespace tocsin::function_spec
