#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "log/record_batch.h"

namespace tocsin {

enum class Fault : std::uint8_t {
  kSpike, kStuck, kDrift, kOffline, kDuplicate, kLate, kMalformed, kClockSkew
};
inline constexpr std::size_t kFaultCount = 8;
std::string_view FaultName(Fault fault);

// Probability, per event, that an episode of each fault begins at its device.
struct FaultRates {
  double rate[kFaultCount] = {};
};
// Reads "spike=0.001,stuck=0.0005". kUsage naming the item, with a suggestion for an unknown name.
Result<FaultRates> ParseFaults(std::string_view text);

struct GeneratorOptions {
  std::int64_t devices = 10;
  std::uint64_t seed = 0;
  std::int64_t start_us = 0;     // event time of the first event
  std::int64_t interval_us = 0;  // between two events of the whole generator, devices in turn
  Range temperature{20, 55};
  Range humidity{20, 90};
  FaultRates faults;
  bool labels = false;           // collect the ground truth
};

// Devices with a daily cycle, an offset of their own and noise; the same options give the same
// bytes. Pure: no clock, no I/O.
class Generator {
 public:
  static std::unique_ptr<Generator> Make(const GeneratorOptions& options);
  virtual ~Generator() = default;

  // One event: the JSON line without a line end, its device id, valid until the next call. One
  // call can yield nothing (an offline device) or be a repeat of an earlier event.
  struct Event {
    std::string_view device_id;
    std::string_view line;
    std::uint64_t sequence;  // 0, 1, 2 … over the whole run, the `events` of the labels
  };
  // Makes the next event. `time_us` overrides the synthetic clock when the wall clock drives it.
  virtual Event Next(std::optional<std::int64_t> time_us) = 0;

  // Label lines (JSON, without line ends) of the episodes that ended since the last call; with
  // `all`, also of those still open.
  virtual std::vector<std::string> TakeLabels(bool all) = 0;
};

}  // namespace tocsin
