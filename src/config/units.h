#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

// Durations and sizes as people write them. The formatting functions are the inverse of the
// parsers and choose the largest units that lose nothing.
namespace tocsin {

// "250ms", "30s", "5m", "12h", "7d", "2w", "1h30m" (Prometheus' notation: whole numbers, each unit
// at most once and falling), also us, and "0" without a unit. Returns microseconds.
// kInvalidArgument naming the text.
Result<std::int64_t> ParseDurationUs(std::string_view text);
// "1h30m", "0". `us` must not be negative.
std::string FormatDurationUs(std::int64_t us);

// "65536", "64KiB", "512MiB", "10GiB", "1TiB", and the decimal kB, MB, GB, TB. Returns bytes.
// kInvalidArgument naming the text.
Result<std::int64_t> ParseBytes(std::string_view text);
// "64KiB", "1000", "0". `bytes` must not be negative.
std::string FormatBytes(std::int64_t bytes);

}  // namespace tocsin
