#pragma once

#include <cstdint>
#include <string>

#include "route/notifier.h"

namespace tocsin {

// What `channels test` sends: one alert `TocsinTest` that fires.
Notification SampleNotification(const std::string& receiver, std::int64_t now_us);

// Tells of `count` messages that a channel could not deliver: alert `TocsinDeliveryFailed`.
Notification FailureNotification(const std::string& receiver, const std::string& channel,
                                 std::uint64_t count, const std::string& reason,
                                 std::int64_t now_us);

// Stands for messages that were not queued because the outbox was full: counts, no alerts.
Notification LeftOutNotification(const std::string& receiver, std::uint64_t notifications,
                                 std::uint64_t firing, std::uint64_t resolved, std::int64_t now_us);

// One line for lists: "temperature_high firing at dev_7 (+3)".
std::string SummaryOf(const Notification& notification);

}  // namespace tocsin
