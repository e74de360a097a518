#include "channels/payloads.h"

#include <algorithm>

#include "base/time_text.h"
#include "channels/json_writer.h"

namespace tocsin {
namespace {

std::size_t Limit(const Notification& notification, std::size_t max_alerts) {
  const std::size_t all = notification.alerts.size();
  return max_alerts == 0 ? all : std::min(all, max_alerts);
}

std::uint64_t CutOff(const NotificationView& view, std::size_t shown) {
  return view.truncated() + view.notification().alerts.size() - shown;
}

std::string AlertmanagerAlert(const NotificationView& view, std::size_t index) {
  const AlertMessage& alert = view.notification().alerts[index];
  JsonWriter out;
  out.Begin('{').Field("status", StatusText(alert));
  out.Map("labels", view.labels(index)).Map("annotations", alert.annotations);
  out.Field("startsAt", AlertmanagerTime(alert.starts_at_us));
  out.Field("endsAt", AlertmanagerTime(alert.firing ? 0 : alert.ends_at_us));
  out.Field("generatorURL", view.external_url()).Field("fingerprint", alert.fingerprint);
  return out.End('}').Take();
}

// As many of `items` as fit into `room` bytes.
std::size_t Fitting(const std::vector<std::string>& items, std::size_t room) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    used += items[i].size() + 1;
    if (used > room) return i;
  }
  return items.size();
}

void AppendItems(JsonWriter& out, const std::vector<std::string>& items, std::size_t count) {
  out.Key("alerts").Begin('[');
  for (std::size_t i = 0; i < count; ++i) out.Raw(items[i]);
  out.End(']');
}

// Everything of the data but the alerts; labels above the limit would leave no room for them.
void AppendDataHead(JsonWriter& out, const NotificationView& view, std::size_t shown) {
  const Notification& notification = view.notification();
  out.Field("receiver", notification.receiver).Field("status", view.status());
  out.Field("group_key", notification.group_key);
  out.Map("group_labels", notification.group_labels);
  out.Map("common_labels", view.common_labels());
  out.Key("firing_count").Count(notification.firing_count);
  out.Key("resolved_count").Count(notification.resolved_count);
  out.Key("truncated").Count(CutOff(view, shown));
  out.Key("digest").Bool(notification.digest).Key("backlog").Bool(notification.backlog);
  out.Key("top_devices").Begin('[');
  for (const auto& [device, count] : notification.top_devices) {
    out.Begin('{').Field("device_id", device).Key("count").Count(count).End('}');
  }
  out.End(']').Field("external_url", view.external_url());
}

std::string TocsinText(const NotificationView& view, const std::vector<std::string>& items,
                       std::size_t shown) {
  const Notification& notification = view.notification();
  JsonWriter out;
  out.Begin('{');
  out.Field("type", notification.digest ? "alert.digest" : "alert." + std::string(view.status()));
  out.Field("timestamp", FormatTime(notification.decided_us));
  out.Key("data").Begin('{');
  AppendDataHead(out, view, shown);
  AppendItems(out, items, shown);
  return out.End('}').End('}').Take();
}

std::string AlertmanagerText(const NotificationView& view, const std::vector<std::string>& items,
                             std::size_t shown) {
  const Notification& notification = view.notification();
  JsonWriter out;
  out.Begin('{').Field("receiver", notification.receiver).Field("status", view.status());
  AppendItems(out, items, shown);
  out.Map("groupLabels", notification.group_labels).Map("commonLabels", view.common_labels());
  out.Map("commonAnnotations", view.common_annotations());
  out.Field("externalURL", view.external_url()).Field("version", "4");
  out.Field("groupKey", notification.group_key);
  out.Key("truncatedAlerts").Count(CutOff(view, shown));
  return out.End('}').Take();
}

using MakeText = std::string (*)(const NotificationView&, const std::vector<std::string>&,
                                 std::size_t);

std::string Bounded(const NotificationView& view, const std::vector<std::string>& items,
                    std::size_t max_bytes, MakeText make) {
  const std::string empty = make(view, items, 0);
  const std::size_t room = empty.size() < max_bytes ? max_bytes - empty.size() : 0;
  return make(view, items, Fitting(items, room));
}

}  // namespace

std::string AlertmanagerTime(std::int64_t time_us) {
  return time_us == 0 ? "0001-01-01T00:00:00Z" : TimeText(time_us);
}

std::string TocsinPayload(const NotificationView& view, std::size_t max_alerts,
                          std::size_t max_bytes) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < Limit(view.notification(), max_alerts); ++i) {
    items.push_back(view.notification().alerts[i].json);
  }
  return Bounded(view, items, max_bytes, TocsinText);
}

std::string AlertmanagerPayload(const NotificationView& view, std::size_t max_alerts,
                                std::size_t max_bytes) {
  std::vector<std::string> items;
  for (std::size_t i = 0; i < Limit(view.notification(), max_alerts); ++i) {
    items.push_back(AlertmanagerAlert(view, i));
  }
  return Bounded(view, items, max_bytes, AlertmanagerText);
}

}  // namespace tocsin
