#include "functions/exact_sum.h"
#include "functions/function_specs.h"
#include "functions/tumbling.h"

namespace tocsin::function_spec {
namespace {

struct Average {
  std::uint64_t n = 0;
  ExpansionSum sum;
  void Add(double x) {
    ++n;
    sum.Add(x);
  }
  double Value() const { return sum.Value() / static_cast<double>(n); }
  void Clear() {
    n = 0;
    sum.Clear();
  }
  void Encode(std::string& out) const {
    PutVarint(out, n);
    PutVarint(out, sum.parts().size());
    for (const double part : sum.parts()) PutValue(out, part);
  }
  bool Decode(StateReader& reader) {
    // Doubles that do not overlap: no more than 2098 bits of exponent and mantissa have room for.
    constexpr std::uint64_t kMostParts = 64;
    std::uint64_t parts = 0;
    if (!reader.Number(n) || n == 0 || !reader.Number(parts) || parts > kMostParts) return false;
    for (std::uint64_t i = 0; i < parts; ++i) {
      double part = 0;
      if (!reader.Value(part)) return false;
      sum.Add(part);
    }
    return true;
  }
  std::size_t Bytes() const { return sum.parts().capacity() * sizeof(double); }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return MakeTumbling<Average>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "window", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec tumbling_avg = {
    .name = "tumbling_avg",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .time_driven = true,
    .summary = "Average of the readings in the newest closed window of fixed length.",
    .details =
        "Windows are [k * window, (k + 1) * window) in event time from 1970-01-01 UTC on, and "
        "closed once their end is <= t. The value is of the newest closed window of the "
        "device that held a reading, null before there is one. Decided by the clock: changes "
        "though no event comes. An event out of order still enters the window that is open; "
        "it never changes a closed one; where its own time is before the end of the newest "
        "closed window, its value is null. The sum is exact and rounded once.",
    .example = "tumbling_avg(temperature, 1m) > 30",
    .make = Make,
};

}  // namespace tocsin::function_spec
