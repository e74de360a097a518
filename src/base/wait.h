#pragma once

#include <cstdint>
#include <stop_token>

namespace tocsin {

// Sleeps in real time; false, at once, when `stop` is or becomes requested.
bool WaitUs(std::int64_t duration_us, std::stop_token stop);

}  // namespace tocsin
