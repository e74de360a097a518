#pragma once

#include <string>
#include <utility>

#include "base/json_text.h"
#include "route/notifier.h"

namespace tocsin {

inline AlertMessage TestAlert(const std::string& device, bool firing = true) {
  AlertMessage alert;
  alert.id = "00f1";
  alert.fingerprint = "a1b2";
  alert.rule = "temperature_high";
  alert.severity = "critical";
  alert.device_id = device;
  alert.firing = firing;
  alert.starts_at_us = 1'700'000'000'000'000;
  alert.ends_at_us = firing ? 0 : 1'700'000'060'000'000;
  alert.value = 51.5;
  alert.labels = {{"site", "north"}};
  alert.annotations = {{"summary", "too hot"}};
  alert.json = "{\"device_id\":";
  AppendJsonString(alert.json, device);
  alert.json += '}';
  return alert;
}

inline Notification TestNotification(const std::string& device = "dev_1", bool firing = true) {
  Notification notification;
  notification.receiver = "ops";
  notification.group_key = "0:{site=\"north\"}";
  notification.group_labels = {{"site", "north"}};
  notification.alerts = {TestAlert(device, firing)};
  (firing ? notification.firing_count : notification.resolved_count) = 1;
  notification.decided_us = 1'700'000'001'000'000;
  return notification;
}

}  // namespace tocsin
