#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "metrics/metrics.h"
#include "process/process_stage.h"

namespace tocsin {

// What a run of `up` or `process` did. read = processed + dead letters + duplicates.
struct RunSummary {
  ProcessCounts counts;
  std::int64_t lag = 0;
  double seconds = 0;
  // Of `up` only.
  std::optional<std::uint64_t> generated;
  std::optional<std::int64_t> waiting;   // events in the raw topic not processed at the start
  std::optional<std::int64_t> appended;  // events that came into the raw topic during the run

  std::uint64_t dead_letters() const;
  // Events that came and are in no place: 0, or the run lost something.
  std::int64_t unaccounted() const;

  // The object of the contract, with the metrics.
  std::string ToJson(const Metrics& metrics) const;
  // The closing balance for people.
  std::string ToText() const;
};

}  // namespace tocsin
