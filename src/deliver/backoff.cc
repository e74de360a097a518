#include "deliver/backoff.h"

#include <algorithm>

namespace tocsin {

std::int64_t BackoffUs(std::uint32_t attempt, std::int64_t retry_after_us, RandomSource& random) {
  constexpr std::int64_t kLeast = kFirstBackoffUs / 10;
  const std::uint32_t doublings = std::min<std::uint32_t>(attempt, 12);
  const std::int64_t most = std::min(kMaxBackoffUs, kFirstBackoffUs << doublings);
  const auto spread = static_cast<std::uint64_t>(most - kLeast);
  const std::int64_t wait = kLeast + static_cast<std::int64_t>(random.NextBelow(spread));
  return std::max(wait, std::min(retry_after_us, kMaxBackoffUs));
}

}  // namespace tocsin
