#pragma once

#include <cstdint>

#include "base/random.h"

namespace tocsin {

inline constexpr std::int64_t kFirstBackoffUs = 1'000'000;
inline constexpr std::int64_t kMaxBackoffUs = 3'600'000'000;

// Wait before the attempt that follows attempt number `attempt` (from 1): exponential with full
// jitter, uniform in [kFirstBackoffUs / 10, min(kMaxBackoffUs, kFirstBackoffUs · 2^attempt)). A
// service's own wish (Retry-After; -1 = none) is a lower bound, itself at most kMaxBackoffUs.
std::int64_t BackoffUs(std::uint32_t attempt, std::int64_t retry_after_us, RandomSource& random);

}  // namespace tocsin
