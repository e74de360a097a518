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
  std::vector<std::string> sinks;  // file, log, stdout, http, mqtt; kafka = log with a broker
  std::string output_path;         // of the file sink; empty = RAW_DATA_PATH/sensor_log.jsonl
  double rate = -1;                // events/s; 0 = as fast as it goes; negative = by interval
  double interval_seconds = 5;     // between two events; 0 = as fast as it goes
  std::uint64_t max_events = 0;    // 0 = until stopped
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> start_us;  // synthetic clock from there
  std::int64_t devices = 10;
  FaultRates faults;
  std::string labels_path;  // empty = none; replaced at the start
  // Called from time to time, and at the end, with the events handed on so far.
  std::function<void(std::uint64_t events)> progress;
};

struct GenerateReport {
  std::uint64_t events = 0;  // handed on by every sink
  std::uint64_t bytes = 0;   // of the lines with their line ends
  double seconds = 0;
};

// Generates until `max_events` or `stop`; then everything is flushed and, in files, synced. The
// topic of the log sink must exist. `log` is needed for the log sink only.
//
// An event leaves at most 50 ms after it was made. After a stall the missed events follow at once.
// Event times come from the synthetic clock when a seed or a start is given, else from the wall
// clock.
//
// kUsage (exit 64) for a sink that is unknown or not built in, naming it; kDiskError for a file;
// the errors of the log, except refused ingest, which is waited for.
Result<GenerateReport> RunGenerate(const Settings& settings, const GenerateOptions& options,
                                   Log* log, const Clock& clock, std::stop_token stop);

}  // namespace tocsin
