#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tocsin {

// One figure of the self-measurement.
struct Measurement {
  std::string name;  // "core.parse_rules_output"
  double value = 0;
  std::string unit;   // "ns/event", "events/s", "MB", "us"
  std::string about;  // what was done, in one sentence
  // The physical floor or the goal that the figure is read against; empty = none.
  std::string beside;
};

// CPU time of this thread and of the whole process (all threads, user and system), seconds.
double ThreadCpuSeconds();
double ProcessCpuSeconds();
// Anonymous resident memory of this process in bytes (RssAnon): mapped input does not count.
std::int64_t AnonymousMemoryBytes();

// The value at `quantile` (0..1) of `values`, which are sorted by the call; 0 when empty.
double Quantile(std::vector<double>& values, double quantile);

}  // namespace tocsin
