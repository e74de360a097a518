#include "functions/function_specs.h"
#include "functions/tumbling.h"

namespace tocsin::function_spec {
namespace {

struct Number {
  std::uint64_t n = 0;
  void Add(double) { ++n; }
  double Value() const { return static_cast<double>(n); }
  void Clear() { n = 0; }
  void Encode(std::string& out) const { PutVarint(out, n); }
  bool Decode(StateReader& reader) { return reader.Number(n); }
  std::size_t Bytes() const { return 0; }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeTumbling<Number>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec tumbling_count = {
    .name = "tumbling_count",
    .parameters = kParameters,
    .time_driven = true,
    .summary = "Number of readings in the newest closed window of fixed length.",
    .details =
        "Windows are [k * window, (k + 1) * window) in event time from 1970-01-01 UTC on, and "
        "closed once their end is <= t. The value is of the newest closed window of the "
        "device that held a reading, null before there is one. Decided by the clock: changes "
        "though no event comes. An event out of order still enters the window that is open; "
        "it never changes a closed one; where its own time is before the end of the newest "
        "closed window, its value is null.",
    .example = "tumbling_count(temperature, 1m) < 10",
    .make = Make,
};

}  // namespace tocsin::function_spec
