#include "web_api/api_json.h"

#include "base/json_text.h"
#include "base/time_text.h"
#include "model/reject_reason.h"

namespace tocsin {
namespace {

// Rounded down, also before 1970.
std::int64_t MsOf(std::int64_t time_us) {
  return time_us / 1000 - (time_us % 1000 < 0 ? 1 : 0);
}

void AppendTexts(std::string& out, std::string_view name,
                 const std::map<std::string, std::string>& texts) {
  AppendName(out, name);
  out += '{';
  for (const auto& [key, value] : texts) {
    if (out.back() != '{') out += ',';
    AppendJsonString(out, key);
    out += ':';
    AppendJsonString(out, value);
  }
  out += '}';
}

void AppendTotals(std::string& out, const WebBackend::Totals& totals) {
  const ProcessCounts& counts = totals.counts;
  std::uint64_t dead = 0;
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) dead += counts.dlq[i];
  out += '{';
  AppendMember(out, "read", counts.read);
  AppendMember(out, "processed", counts.processed);
  AppendMember(out, "duplicates", counts.duplicates);
  AppendMember(out, "dead_letters", dead);
  AppendName(out, "dlq");
  out += '{';
  for (std::size_t i = 1; i < kRejectReasonCount; ++i) {
    AppendMember(out, RejectReasonName(static_cast<RejectReason>(i)), counts.dlq[i]);
  }
  out += '}';
  AppendMember(out, "firing", counts.firing);
  AppendMember(out, "resolved", counts.resolved);
  if (totals.generated) {
    AppendMember(out, "generated", *totals.generated);
  } else {
    AppendNull(out, "generated");
  }
  AppendMember(out, "unaccounted", totals.unaccounted);
  out += '}';
}

}  // namespace

void AppendName(std::string& out, std::string_view name) {
  if (!out.empty() && out.back() != '{') out += ',';
  AppendJsonString(out, name);
  out += ':';
}
void AppendMember(std::string& out, std::string_view name, std::string_view text) {
  AppendName(out, name);
  AppendJsonString(out, text);
}
void AppendMember(std::string& out, std::string_view name, std::int64_t number) {
  AppendName(out, name);
  out += std::to_string(number);
}
void AppendMember(std::string& out, std::string_view name, std::uint64_t number) {
  AppendName(out, name);
  out += std::to_string(number);
}
void AppendMember(std::string& out, std::string_view name, double number) {
  AppendName(out, name);
  AppendJsonNumber(out, number);
}
void AppendMember(std::string& out, std::string_view name, bool value) {
  AppendName(out, name);
  out += value ? "true" : "false";
}
void AppendNull(std::string& out, std::string_view name) {
  AppendName(out, name);
  out += "null";
}

void AppendDevice(std::string& out, const DeviceView& device) {
  constexpr std::string_view kStates[] = {"ok", "alert", "offline"};
  out += '{';
  AppendMember(out, "id", std::string_view(device.id));
  AppendMember(out, "state", kStates[static_cast<std::size_t>(device.state)]);
  AppendName(out, "reasons");
  out += '[';
  for (const std::string& rule : device.rules_firing) {
    if (out.back() != '[') out += ',';
    AppendJsonString(out, rule);
  }
  out += ']';
  AppendMember(out, "last_seen_ms", device.seen_ms);
  AppendMember(out, "event_ms", device.event_us == INT64_MIN ? 0 : MsOf(device.event_us));
  AppendMember(out, "events", device.events);
  AppendMember(out, "alerts", std::uint64_t{device.alerts});
  AppendName(out, "values");
  out += '[';
  for (const double value : device.values) {
    if (out.back() != '[') out += ',';
    AppendJsonNumber(out, value);
  }
  out += ']';
  if (device.status) {
    AppendMember(out, "status", std::string_view(*device.status));
  } else {
    AppendNull(out, "status");
  }
  out += '}';
}

void AppendDevices(std::string& out, std::span<const DeviceView> devices) {
  out += '[';
  for (const DeviceView& device : devices) {
    if (out.back() != '[') out += ',';
    AppendDevice(out, device);
  }
  out += ']';
}

void AppendAlert(std::string& out, const AlertMessage& alert, const AlertMutes& mutes) {
  out += '{';
  AppendMember(out, "id", std::string_view(alert.id));
  AppendMember(out, "fingerprint", std::string_view(alert.fingerprint));
  AppendMember(out, "rule", std::string_view(alert.rule));
  AppendMember(out, "severity", std::string_view(alert.severity));
  AppendMember(out, "state", std::string_view(alert.firing ? "firing" : "resolved"));
  AppendMember(out, "device_id", std::string_view(alert.device_id));
  AppendMember(out, "timestamp", std::string_view(FormatTime(alert.time_us)));
  AppendMember(out, "starts_at", std::string_view(FormatTime(alert.starts_at_us)));
  const bool ended = !alert.firing;
  if (ended) {
    AppendMember(out, "ends_at", std::string_view(FormatTime(alert.ends_at_us)));
  } else {
    AppendNull(out, "ends_at");
  }
  AppendMember(out, "starts_ms", MsOf(alert.starts_at_us));
  if (ended) {
    AppendMember(out, "ends_ms", MsOf(alert.ends_at_us));
  } else {
    AppendNull(out, "ends_ms");
  }
  AppendMember(out, "value", alert.value);
  AppendMember(out, "event_count", alert.event_count);
  AppendMember(out, "reason", std::string_view(alert.rule));
  if (!alert.cause.empty()) AppendMember(out, "cause", std::string_view(alert.cause));
  if (alert.flapping) AppendMember(out, "flapping", true);
  AppendTexts(out, "labels", alert.labels);
  AppendTexts(out, "annotations", alert.annotations);
  AppendMember(out, "silenced_by", std::string_view(mutes.silenced_by));
  AppendMember(out, "inhibited", mutes.inhibited);
  AppendMember(out, "muted", mutes.muted);
  out += '}';
}

void AppendSummary(std::string& out, const LiveFigures& figures, std::int64_t now_us) {
  out += '{';
  AppendMember(out, "now_ms", MsOf(now_us));
  AppendMember(out, "events", figures.topics[1].end);
  AppendMember(out, "devices", figures.devices);
  AppendMember(out, "devices_online", figures.online);
  AppendMember(out, "devices_offline", figures.offline);
  AppendMember(out, "devices_in_alert", figures.devices_firing);
  AppendMember(out, "alerts", figures.alerts);
  AppendMember(out, "alerts_firing", figures.alerts_firing);
  AppendMember(out, "dead_letters", figures.topics[3].end);
  AppendMember(out, "events_per_second", figures.per_second[1]);
  if (figures.newest_event_us) {
    AppendMember(out, "newest_event_ms", MsOf(*figures.newest_event_us));
  } else {
    AppendNull(out, "newest_event_ms");
  }
  out += '}';
}

void AppendPipeline(std::string& out, const LiveFigures& figures, const PipelineFacts& facts) {
  out += '{';
  AppendMember(out, "now_ms", MsOf(facts.now_us));
  AppendMember(out, "uptime_seconds", static_cast<double>(facts.now_us - facts.started_us) / 1e6);
  AppendName(out, "rates");
  out += '{';
  AppendMember(out, "appended", figures.per_second[0]);
  AppendMember(out, "processed", figures.per_second[1]);
  AppendMember(out, "alerts", figures.per_second[2]);
  AppendMember(out, "dead_letters", figures.per_second[3]);
  out += '}';
  const WebBackend::Totals totals = facts.totals.value_or(WebBackend::Totals());
  AppendName(out, "totals");
  AppendTotals(out, totals);
  AppendMember(out, "lag", totals.lag);
  if (figures.newest_event_us) {
    AppendMember(out, "watermark_ms", MsOf(*figures.newest_event_us));
  } else {
    AppendNull(out, "watermark_ms");
  }
  AppendName(out, "topics");
  out += '[';
  for (const TopicSize& topic : figures.topics) {
    if (out.back() != '[') out += ',';
    out += '{';
    AppendMember(out, "topic", std::string_view(topic.topic));
    AppendMember(out, "partitions", std::int64_t{topic.partitions});
    AppendMember(out, "records", topic.records);
    AppendMember(out, "bytes", topic.bytes);
    out += '}';
  }
  out += ']';
  AppendName(out, "live");
  out += '{';
  AppendMember(out, "devices", figures.devices);
  AppendMember(out, "readings", std::uint64_t{figures.readings});
  AppendMember(out, "bytes", std::uint64_t{figures.bytes});
  AppendMember(out, "behind", figures.behind);
  AppendMember(out, "skipped", figures.skipped);
  out += '}';
  AppendMember(out, "clients", std::uint64_t{facts.live_clients});
  out += '}';
}

void AppendHourlyRow(std::string& out, const HourlyRow& row, std::span<const MetricSpec> metrics) {
  out += '{';
  AppendMember(out, "device_id", std::string_view(row.device_id));
  AppendMember(out, "hour_ms", MsOf(row.hour_us));
  AppendMember(out, "event_count", row.event_count);
  AppendMember(out, "alert_count", row.alert_count);
  AppendName(out, "metrics");
  out += '{';
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    AppendName(out, metrics[i].name);
    out += '{';
    AppendMember(out, "avg", row.metrics[i].avg);
    AppendMember(out, "min", row.metrics[i].min);
    AppendMember(out, "max", row.metrics[i].max);
    out += '}';
  }
  out += "}}";
}

void AppendOpenMinutes(std::string& out, LiveView& live, std::span<const MetricSpec> metrics) {
  out += '[';
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    const auto minute = live.LastMinute(i);
    if (!minute) continue;
    if (out.back() != '[') out += ',';
    out += '{';
    AppendMember(out, "metric", std::string_view(metrics[i].name));
    AppendMember(out, "minute_ms", MsOf(minute->first));
    AppendMember(out, "avg", minute->second.avg());
    AppendMember(out, "min", minute->second.min);
    AppendMember(out, "max", minute->second.max);
    AppendMember(out, "count", minute->second.count);
    out += '}';
  }
  out += ']';
}

}  // namespace tocsin
