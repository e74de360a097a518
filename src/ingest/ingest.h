#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "log/log.h"

namespace tocsin {

struct IngestOptions {
  std::vector<std::string> paths;  // files, directories, globs, or "-"
  double rate = 0;                 // events/s; 0 = as fast as it goes
  bool follow = false;             // wait for more at the end of the last file, survive rotation
  bool from_start = false;         // forget the remembered positions
  std::string acks_path;           // --acks F
  std::function<void(std::uint64_t lines, std::uint64_t bytes)> progress;
};

struct IngestReport {
  std::uint64_t lines = 0;      // non-blank lines read
  std::uint64_t appended = 0;   // records in iot.raw
  std::uint64_t too_large = 0;  // straight to iot.dlq, head only
  std::uint64_t blank_lines = 0;
  std::uint64_t bytes = 0;
  double seconds = 0;
};

// Appends every non-blank line to the raw topic as it is, key = its device id when it has one. The
// position in each file is committed with the records it produced, so that the same command goes
// on where it stopped. While ingest is refused (disk, retention) it waits with backoff, saying so.
Result<IngestReport> RunIngest(const Settings& settings, const IngestOptions& options, Log& log,
                               const Clock& clock, std::stop_token stop);

}  // namespace tocsin
