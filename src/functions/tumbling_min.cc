#include "functions/function_specs.h"
#include "functions/tumbling.h"

namespace tocsin::function_spec {
namespace {

struct Smallest {
  double x = kNullNumber;
  void Add(double other) {
    if (!(other >= x)) x = other;
  }
  double Value() const { return x; }
  void Clear() { x = kNullNumber; }
  void Encode(std::string& out) const { PutValue(out, x); }
  bool Decode(StateReader& reader) { return reader.Value(x); }
  std::size_t Bytes() const { return 0; }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeTumbling<Smallest>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec tumbling_min = {
    .name = "tumbling_min",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .time_driven = true,
    .summary = "Smallest reading in the newest closed window of fixed length.",
    .details =
        "Windows are [k * window, (k + 1) * window) in event time from 1970-01-01 UTC on, and "
        "closed once their end is <= t. The value is of the newest closed window of the "
        "device that held a reading, null before there is one. Decided by the clock: changes "
        "though no event comes. An event out of order still enters the window that is open; "
        "it never changes a closed one; where its own time is before the end of the newest "
        "closed window, its value is null.",
    .example = "tumbling_min(temperature, 1m) < -10",
    .make = Make,
};

}  // namespace tocsin::function_spec
