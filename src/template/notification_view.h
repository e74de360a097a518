#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "route/notifier.h"

namespace tocsin {

// What Alertmanager derives from the alerts of a notification, each computed at its first use.
// Lifetime: the notification's. Threads: none but the owner's.
class NotificationView {
 public:
  NotificationView(const Notification& notification, std::string_view external_url)
      : notification_(notification), external_url_(external_url) {}

  const Notification& notification() const { return notification_; }
  std::string_view external_url() const { return external_url_; }
  // "firing" when any alert fires, also one that was cut off, else "resolved".
  std::string_view status() const;
  std::uint64_t truncated() const;  // alerts that were cut off
  // The labels and annotations that all alerts have with the same value.
  const LabelMap& common_labels() const;
  const LabelMap& common_annotations() const;
  // AlertMessage::RouteLabels of alerts[index].
  const LabelMap& labels(std::size_t index) const;
  // The highest of the firing alerts, of all when none fires; "" without alerts.
  std::string_view severity() const;

 private:
  const Notification& notification_;
  std::string_view external_url_;
  mutable std::optional<LabelMap> common_labels_, common_annotations_;
  mutable std::vector<std::optional<LabelMap>> labels_;
};

// RFC 3339 in UTC without trailing zeros of the second; "" for 0.
std::string TimeText(std::int64_t time_us);
std::string_view StatusText(const AlertMessage& alert);

}  // namespace tocsin
