#pragma once

#include <string>
#include <string_view>

#include "template/notification_view.h"

namespace tocsin {

inline constexpr std::size_t kMaxPayloadBytes = 256 * 1024;

// The body of the webhook and of the Kafka channel (docs/specs/delivery.md): Standard Webhooks'
// type, timestamp, data; the alert records as they are. Alerts that would make it longer than
// `max_bytes`, or more than `max_alerts` (0 = all), are cut off and counted in `truncated`.
std::string TocsinPayload(const NotificationView& view, std::size_t max_alerts,
                          std::size_t max_bytes = kMaxPayloadBytes);

// What Alertmanager posts to webhooks, version 4.
std::string AlertmanagerPayload(const NotificationView& view, std::size_t max_alerts,
                                std::size_t max_bytes = kMaxPayloadBytes);

// Time in RFC 3339 as Alertmanager writes it; its zero time for 0.
std::string AlertmanagerTime(std::int64_t time_us);

}  // namespace tocsin
