#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "generate/faults.h"

namespace tocsin {

struct GeneratorOptions {
  std::int64_t devices = 10;
  std::uint64_t seed = 0;
  std::int64_t start_us = 0;     // event time of the first event
  std::int64_t interval_us = 0;  // between two events of the whole generator, devices in turn
  Range temperature{20, 55};     // what healthy devices read
  Range humidity{20, 90};
  Range valid_temperature{-50, 120};  // spikes and drifts stay within these
  Range valid_humidity{0, 100};
  double temperature_threshold = 50;  // status ALERT from here up
  double humidity_threshold = 25;     // and from here down
  FaultRates faults;
  bool labels = false;  // collect the ground truth
};

// Devices with a daily cycle, an offset of their own and noise; the same options give the same
// bytes on every machine. Pure: no clock, no I/O. Not thread-safe.
//
// Event times of a device grow strictly (faults apart), also when the given times do not.
class Generator {
 public:
  static std::unique_ptr<Generator> Make(const GeneratorOptions& options);
  virtual ~Generator() = default;

  // One event: the JSON line without a line end, its device id, valid until the next call. The
  // line is empty when the device whose turn it is sends nothing (offline, or held back to be
  // late); such a call has no sequence number. A call can also yield an earlier event, late or
  // again.
  struct Event {
    std::string_view device_id;
    std::string_view line;
    std::uint64_t sequence;  // 0, 1, 2 … of the lines in output order, the `events` of the labels
  };
  // Makes the next event. Each call moves the synthetic clock by one interval; `time_us` replaces
  // it when the wall clock drives the devices.
  virtual Event Next(std::optional<std::int64_t> time_us) = 0;

  // Label lines (JSON, without line ends) of the episodes that ended since the last call; with
  // `all`, also of those still open, which ends the collection of labels. `start` and `end` are the
  // true times of the first and last reading concerned; `events` lists what of them was put out:
  // nothing for offline, the repeat for duplicate.
  virtual std::vector<std::string> TakeLabels(bool all) = 0;
};

}  // namespace tocsin
