#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "measure/measurement.h"

namespace tocsin {

struct BenchmarkOptions {
  std::string directory;  // made for the run and removed after it; on the disk to measure
  std::size_t events = 2'000'000;
  std::int64_t devices = 10'000;
  std::size_t rows_per_commit = 10'000;
};

// Measures this machine with this binary: the floors, the core path (parse, validate, two rules,
// output bytes), the durable embedded path end to end, and the latency from the append of an
// event to its alert at a reader. Takes about 15 seconds; touches only `directory`.
Result<std::vector<Measurement>> RunBenchmarks(const Settings& settings,
                                               const BenchmarkOptions& options);

}  // namespace tocsin
