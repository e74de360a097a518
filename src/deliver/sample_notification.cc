#include "deliver/sample_notification.h"

#include <limits>
#include <utility>

#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

std::string JsonOf(const AlertMessage& alert) {
  std::string out = "{\"rule\":";
  AppendJsonString(out, alert.rule);
  out += ",\"severity\":";
  AppendJsonString(out, alert.severity);
  out += ",\"device_id\":";
  AppendJsonString(out, alert.device_id);
  out += ",\"state\":\"firing\",\"starts_at\":";
  AppendJsonString(out, FormatTime(alert.starts_at_us));
  return out + "}";
}

Notification OneAlert(const std::string& receiver, const std::string& rule,
                      const std::string& device, std::string summary,
                      std::map<std::string, std::string> labels, std::int64_t now_us) {
  AlertMessage alert;
  alert.rule = rule;
  alert.severity = "warning";
  alert.device_id = device;
  alert.time_us = alert.starts_at_us = now_us;
  alert.event_count = 1;
  alert.value = std::numeric_limits<double>::quiet_NaN();
  alert.labels = std::move(labels);
  alert.annotations = {{"summary", std::move(summary)}};
  alert.id = alert.fingerprint = rule;
  alert.json = JsonOf(alert);
  Notification notification;
  notification.receiver = receiver;
  notification.group_key = "tocsin/" + rule + "/" + device;
  notification.group_labels = {{"alertname", rule}};
  notification.alerts.push_back(std::move(alert));
  notification.firing_count = 1;
  notification.decided_us = now_us;
  return notification;
}

}  // namespace

Notification SampleNotification(const std::string& receiver, std::int64_t now_us) {
  return OneAlert(receiver, "TocsinTest", "test", "This is a test of the channel; nothing is wrong",
                  {}, now_us);
}

Notification FailureNotification(const std::string& receiver, const std::string& channel,
                                 std::uint64_t count, const std::string& reason,
                                 std::int64_t now_us) {
  const std::string summary = std::to_string(count) + " notifications could not be delivered on " +
                              channel + ": " + reason + "; see `tocsin deliveries ls`";
  return OneAlert(receiver, "TocsinDeliveryFailed", channel, summary, {{"channel", channel}},
                  now_us);
}

Notification LeftOutNotification(const std::string& receiver, std::uint64_t notifications,
                                 std::uint64_t firing, std::uint64_t resolved,
                                 std::int64_t now_us) {
  Notification notification;
  notification.receiver = receiver;
  notification.group_key = "tocsin/left-out";
  notification.group_labels = {{"alertname", "TocsinOutboxFull"},
                               {"notifications", std::to_string(notifications)}};
  notification.cause = Notification::Cause::kUpdate;
  notification.firing_count = firing;
  notification.resolved_count = resolved;
  notification.digest = true;
  notification.decided_us = now_us;
  return notification;
}

std::string SummaryOf(const Notification& notification) {
  const bool firing = notification.firing_count > 0;
  const std::uint64_t all = notification.firing_count + notification.resolved_count;
  if (notification.digest || notification.alerts.empty()) {
    return "digest: " + std::to_string(notification.firing_count) + " firing, " +
           std::to_string(notification.resolved_count) + " resolved";
  }
  const AlertMessage& first = notification.alerts.front();
  std::string text = first.rule + (firing ? " firing at " : " resolved at ") + first.device_id;
  if (all > 1) text += " (+" + std::to_string(all - 1) + ")";
  constexpr std::size_t kMaxSummary = 200;
  if (text.size() > kMaxSummary) text.resize(kMaxSummary);
  return text;
}

}  // namespace tocsin
