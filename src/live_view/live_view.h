#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "config/settings.h"
#include "live_view/minute_trend.h"
#include "log/log.h"
#include "model/alert_message.h"

namespace tocsin {

// A device as it is now.
struct DeviceView {
  enum class State : std::uint8_t { kOk, kAlert, kOffline };
  std::string id = {};
  State state = State::kOk;
  std::vector<std::string> rules_firing = {};
  std::int64_t seen_ms = 0;
  std::int64_t event_us = INT64_MIN;  // INT64_MIN: no event is known
  std::uint64_t events = 0;
  std::uint32_t alerts = 0;
  std::vector<double> values = {};  // by metric; NaN = absent
  std::optional<std::string> status = {};
};

struct DeviceQuery {
  std::string search = {};  // part of the id, ASCII letters in any case
  enum class Which : std::uint8_t { kAll, kOnline, kOffline, kAlert } which = Which::kAll;
  enum class Sort : std::uint8_t { kId, kSeen, kState, kEvents, kMetric } sort = Sort::kId;
  std::size_t metric = 0;  // of Sort::kMetric; devices without a value are last
  bool descending = false;
  std::size_t offset = 0;
  std::size_t limit = 100;
};
struct DevicePage {
  std::size_t total = 0;
  std::vector<DeviceView> devices;
};

struct AlertQuery {
  enum class Which : std::uint8_t { kAll, kFiring, kResolved } which = Which::kAll;
  std::string severity = {};  // each "" = any
  std::string rule = {};
  std::string device = {};
  std::string search = {};  // part of device id or rule, ASCII letters in any case
  std::int64_t from_us = INT64_MIN;
  std::int64_t to_us = INT64_MAX;
  std::size_t offset = 0;
  std::size_t limit = 100;
};
struct AlertPage {
  std::size_t total = 0;
  bool complete = true;              // false: older ones are no longer held
  std::vector<AlertMessage> alerts;  // by their start, newest first; `json` is empty
};

struct TopicSize {
  std::string topic;
  std::int32_t partitions = 0;
  std::int64_t records = 0;  // held now
  std::int64_t end = 0;      // sum of the latest offsets
  std::int64_t bytes = 0;    // -1 = not known
};

struct LiveFigures {
  std::uint64_t devices = 0, online = 0, offline = 0, devices_firing = 0;
  std::uint64_t alerts = 0, alerts_firing = 0;
  std::optional<std::int64_t> newest_event_us;  // the largest event time
  // raw, processed, alerts, dead letters
  static constexpr std::size_t kTopics = 4;
  TopicSize topics[kTopics];
  double per_second[kTopics] = {};  // records appended, over the last seconds
  std::size_t readings = 0;
  std::size_t bytes = 0;      // of the readings
  std::int64_t behind = 0;    // records not yet read
  std::uint64_t skipped = 0;  // records passed over to keep up
};

struct LiveStatistics {
  std::vector<TrendCell> metrics = {};
  std::int64_t since_us = INT64_MAX;  // INT64_MAX: no reading
};

// Where a processed event lies in its topic.
struct EventPlace {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t received_ms = 0;
};

// The present state of the fleet in memory, read from the processed and the alert topic: last
// values of every device, the newest readings, minutes of the fleet, alerts, sizes and rates. It
// commits nothing and holds nothing back: when it cannot keep up it passes records over and counts
// them. At its start it reads the ends of the topics.
//
// Memory: LIVE_MEMORY for readings, LIVE_MAX_DEVICES devices, 20,000 alerts.
// Threads: Run() in one; everything else from any.
class LiveView {
 public:
  // The references must outlive the view.
  static std::unique_ptr<LiveView> Make(const Settings& settings, Log& log, const Clock& clock);
  virtual ~LiveView() = default;

  // Called from Run() for each transition that comes after the start. `positions` is the place
  // after it, as AlertPositions() gives it. To be set before Run().
  using OnAlert = std::function<void(const std::string& positions, const AlertMessage& alert)>;
  virtual void SetOnAlert(OnAlert on_alert) = 0;
  // Reads until a stop is requested. Errors of the log are said once and tried again.
  virtual void Run(std::stop_token stop) = 0;
  // The ends of the topics have been read.
  virtual bool ready() const = 0;

  virtual LiveFigures Figures() = 0;
  virtual DevicePage Devices(const DeviceQuery& query) = 0;
  virtual std::optional<DeviceView> Device(std::string_view id) = 0;
  // Devices that changed since the last call, at most `max`; `more` tells whether some are left.
  virtual std::vector<DeviceView> TakeChanged(std::size_t max, bool& more) = 0;
  virtual AlertPage Alerts(const AlertQuery& query) = 0;

  // Readings of a device with a time in [from, to) that have the metric, ascending.
  virtual std::vector<std::pair<std::int64_t, double>> Readings(std::string_view device,
                                                                std::size_t metric,
                                                                std::int64_t from_us,
                                                                std::int64_t to_us) = 0;
  virtual LiveStatistics Statistics(std::string_view device) = 0;
  // Newest first.
  virtual std::vector<EventPlace> Events(std::string_view device, std::size_t limit) = 0;
  // Minutes of the fleet, ascending.
  virtual std::vector<std::pair<std::int64_t, TrendCell>> Trend(std::size_t metric,
                                                                std::int64_t from_us,
                                                                std::int64_t to_us) = 0;
  virtual std::int64_t first_minute_us() = 0;  // INT64_MAX when there is none
  // The newest minute of a metric, or nothing.
  virtual std::optional<std::pair<std::int64_t, TrendCell>> LastMinute(std::size_t metric) = 0;

  // "0:12,1:0,…": the next offset of each partition of the alert topic.
  virtual std::string AlertPositions() = 0;
  struct Transition {
    std::string positions;  // after it
    AlertMessage alert;
  };
  // The transitions after such a place, in their order; nothing when some of them are no longer
  // held or the place is none.
  virtual std::optional<std::vector<Transition>> TransitionsSince(std::string_view positions) = 0;
};

}  // namespace tocsin
