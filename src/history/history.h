#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "live_view/minute_trend.h"
#include "model/metric_spec.h"

namespace tocsin {

struct HourlyQuery {
  std::string device = {};  // "" = all
  std::int64_t from_us = INT64_MIN;
  std::int64_t to_us = INT64_MAX;
  std::size_t offset = 0;
  std::size_t limit = 20;
};
struct HourlyRow {
  std::string device_id;
  std::int64_t hour_us = 0;
  std::int64_t event_count = 0;
  std::int64_t alert_count = 0;
  // By metric: average, smallest, largest; NaN = absent.
  struct Values {
    double avg = 0, min = 0, max = 0;
  };
  std::vector<Values> metrics;
};
struct HourlyPage {
  std::size_t total = 0;
  std::vector<HourlyRow> rows;             // newest hour first, then by device
  std::optional<std::int64_t> written_ms;  // of the table; nothing when there is none
};

// The past as the batch job wrote it: the two Parquet files. A file that is replaced while it is
// read stays readable, and the next question reads the new one. A file that is not there yet is an
// empty past.
//
// Memory: the hourly table, at most kMaxHours rows (then kResourceExhausted); of the readings what
// one question needs. Threads: any.
class History {
 public:
  static constexpr std::int64_t kMaxHours = 2'000'000;

  static std::unique_ptr<History> Make(std::string cleansed_path, std::string aggregates_path,
                                       std::vector<MetricSpec> metrics);
  virtual ~History() = default;

  // Readings of a device with a time in [from, to) that have the metric, ascending. kDataLoss for a
  // file that cannot be read.
  virtual Result<std::vector<std::pair<std::int64_t, double>>> Readings(std::string_view device,
                                                                        std::size_t metric,
                                                                        std::int64_t from_us,
                                                                        std::int64_t to_us) = 0;
  virtual Result<HourlyPage> Hours(const HourlyQuery& query) = 0;
  // Hours of the whole fleet that begin in [from, to), ascending. An hour counts the events of its
  // devices as the readings of every metric.
  virtual Result<std::vector<std::pair<std::int64_t, TrendCell>>> Trend(std::size_t metric,
                                                                        std::int64_t from_us,
                                                                        std::int64_t to_us) = 0;
};

}  // namespace tocsin
