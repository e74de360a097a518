#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "generate/generator.h"
#include "log/log.h"

namespace tocsin {

struct GenerateOptions {
  std::vector<std::string> sinks;       // file, log, stdout, http, mqtt; kafka = log with a broker
  std::string output_path;              // of the file sink; empty = RAW_DATA_PATH/sensor_log.jsonl
  double rate = -1;                     // events/s; 0 = as fast as it goes; negative = by interval
  double interval_seconds = 5;
  std::uint64_t max_events = 0;         // 0 = until stopped
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> start_us; // synthetic clock from there
  std::int64_t devices = 10;
  FaultRates faults;
  std::string labels_path;              // empty = none
  std::function<void(std::uint64_t events)> progress;
};

struct GenerateReport {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

// Generates until `max_events` or `stop`. `log` is needed for the log sink only. kUsage (exit 64)
// for a sink that is unknown or not built in, naming it.
Result<GenerateReport> RunGenerate(const Settings& settings, const GenerateOptions& options,
                                   Log* log, const Clock& clock, std::stop_token stop);

}  // namespace tocsin
