#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "generate/faults.h"
#include "generate/sensor_model.h"

namespace tocsin {

// A run of one device's readings that share a fault: the ground truth of the labels.
struct Episode {
  Fault fault = Fault::kSpike;
  std::int64_t device = 0;
  Reading reading = Reading::kTemperature;  // for spike, stuck and drift
  std::int64_t total = 0;                   // readings it lasts
  std::int64_t done = 0;                    // readings it has touched
  std::int64_t delta = 0;   // spike, drift: hundredths; clock_skew: microseconds; stuck: the value
  std::uint64_t delay = 0;  // duplicate, late: calls until it comes
  std::int64_t undelivered = 0;  // readings kept back so far
  std::int64_t start_us = 0;
  std::int64_t end_us = 0;
  std::vector<std::uint64_t> events;
};

// Decides when episodes begin and end and keeps their records. Its randomness is its own, so that
// faults leave the healthy readings of a seed as they are.
class FaultInjector {
 public:
  FaultInjector(const FaultRates& rates, std::uint64_t seed, bool labels);

  bool active() const { return active_; }
  SeededRandom& random() { return random_; }

  // Perhaps begins an episode for a reading of a healthy device. Its id, or 0.
  std::uint64_t Begin(std::int64_t device, const SensorModel& model,
                      const std::int64_t (&values)[kReadingCount]);
  Episode& Get(std::uint64_t id) { return open_.find(id)->second; }
  // One more reading, of true time `time_us`, belongs to the episode. True when it was the last.
  bool Touch(Episode& episode, std::int64_t time_us);
  // A reading of the episode was put out as event `sequence`.
  void Emitted(Episode& episode, std::uint64_t sequence);
  // Ends the record when nothing of it is still to come; ids of ended episodes are invalid.
  void CloseIfDone(std::uint64_t id);

  std::vector<std::string> TakeLabels(bool all);

 private:
  void Shape(Episode& episode, const SensorModel& model,
             const std::int64_t (&values)[kReadingCount]);

  std::uint64_t thresholds_[kFaultCount] = {};
  bool active_ = false;
  bool labels_;
  SeededRandom random_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Episode> open_;
  std::vector<std::string> ended_;
};

}  // namespace tocsin
