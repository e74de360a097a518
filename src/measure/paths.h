#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "measure/measure.h"
#include "measure/measurement.h"
#include "measure/workload.h"

// The measured paths of RunBenchmarks, one each.
namespace tocsin {

// Parse, validate, evaluate the default rules, make the processed bytes; one thread, in memory.
std::vector<Measurement> MeasureCore(const Settings& settings, const Workload& workload);

// Append of the raw events with fsync, the process stage behind it, its outputs and offsets with
// fsync: wall rate, CPU of the whole process, anonymous memory, and start to ready.
Result<std::vector<Measurement>> MeasureEmbedded(const Settings& settings,
                                                 const BenchmarkOptions& options,
                                                 const Workload& workload);

// 1,000 single-event appends a second for five seconds, each of which raises an alert: time from
// the durable append to the alert in the hands of a reader in this process.
Result<std::vector<Measurement>> MeasureAlertLatency(const Settings& settings,
                                                     const BenchmarkOptions& options);

}  // namespace tocsin
