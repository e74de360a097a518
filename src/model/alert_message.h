#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// One record of iot.alerts as the delivery reads it. Owns its text.
struct AlertMessage {
  std::string id;           // of the episode
  std::string fingerprint;  // of rule × device
  std::string rule;
  std::string severity;
  std::string device_id;
  bool firing = true;
  bool flapping = false;
  std::string cause;  // "" for an event
  std::int64_t time_us = 0;
  std::int64_t starts_at_us = 0;
  std::int64_t ends_at_us = 0;  // 0 while firing
  std::uint64_t event_count = 0;
  double value = 0;                           // NaN = null
  std::map<std::string, std::string> labels;  // the record's
  std::map<std::string, std::string> annotations;
  std::string json;  // the record itself

  // Alertmanager's view: `labels` and alertname, device_id, severity.
  std::map<std::string, std::string> RouteLabels() const;
};

// kInvalidArgument naming the field for a record that is none of ours.
Result<AlertMessage> ParseAlertMessage(std::string_view json);

}  // namespace tocsin
