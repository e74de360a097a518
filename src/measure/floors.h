#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "measure/measurement.h"

namespace tocsin {

// What the machine itself costs, measured in the same run as everything else.
// memcpy and newline scan of `lines` (ns per event).
std::vector<Measurement> MemoryFloors(std::string_view lines, std::size_t events);
// pwrite + fdatasync of `block_bytes` at the end of a growing file in `directory`: median and
// 99th percentile in microseconds.
Result<std::vector<Measurement>> SyncFloors(const std::string& directory, std::size_t block_bytes);

}  // namespace tocsin
