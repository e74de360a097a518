#pragma once

#include <cstdint>
#include <deque>
#include <mutex>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "live_view/live_view.h"
#include "log/log.h"

namespace tocsin {

// Sizes of the four topics and the rates at which they grow, over the last kWindow measurements.
// Threads: any.
class RateMeter {
 public:
  static constexpr std::size_t kWindow = 5;

  // The references must outlive the meter.
  RateMeter(Log& log, const Clock& clock, const Settings& settings);
  // Looks at the log; about once a second.
  Status Measure();
  // `topics` and `per_second` as of the last measurement.
  LiveFigures Latest();

 private:
  struct Sample {
    std::int64_t at_us = 0;
    std::int64_t ends[LiveFigures::kTopics] = {};
  };
  Log& log_;
  const Clock& clock_;
  const std::string topics_[LiveFigures::kTopics];
  std::mutex mutex_;
  LiveFigures latest_;
  std::deque<Sample> samples_;
};

}  // namespace tocsin
