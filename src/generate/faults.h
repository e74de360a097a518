#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// What can go wrong with a synthetic device, and for how many of its readings:
//   spike       1–3     one metric jumps by half to a whole range
//   stuck       20–120  one metric repeats its last value
//   drift       50–200  one metric moves away linearly, up to 0.3–0.8 of its range
//   offline     20–100  the device sends nothing
//   duplicate   1       the reading is sent again 1–20 events later
//   late        1–10    the readings are sent 50–500 events later
//   malformed   1–3     the line breaks the contract in one of the ways of MalformedKind
//   clock_skew  20–100  the device's clock is 10 minutes to 6 hours ahead or behind
enum class Fault : std::uint8_t {
  kSpike,
  kStuck,
  kDrift,
  kOffline,
  kDuplicate,
  kLate,
  kMalformed,
  kClockSkew
};
inline constexpr std::size_t kFaultCount = 8;
std::string_view FaultName(Fault fault);

// Probability, per event, that an episode of each fault begins at its device while the device has
// none: a device has one episode at a time.
struct FaultRates {
  double rate[kFaultCount] = {};
};
// Reads "spike=0.001,stuck=0.0005"; empty text = no faults. kUsage naming the item, with a
// suggestion for an unknown name.
Result<FaultRates> ParseFaults(std::string_view text);

}  // namespace tocsin
