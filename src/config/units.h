#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// "250ms", "30s", "5m", "12h", "7d", "1h30m" (Prometheus' notation, each unit at most once and
// falling), "0" without a unit; also us. Returns microseconds. kInvalidArgument naming the text.
Result<std::int64_t> ParseDurationUs(std::string_view text);
// "65536", "64KiB", "512MiB", "10GiB", "1TiB", and the decimal kB, MB, GB, TB. Returns bytes.
Result<std::int64_t> ParseBytes(std::string_view text);

}  // namespace tocsin
