#include "model/alert_record.h"

#include <xxhash.h>

#include <cmath>

#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

// First 16 hexadecimal digits of the canonical (big-endian) XXH3-128 of `text`.
std::string Digest(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::uint64_t high = XXH3_128bits(text.data(), text.size()).high64;
  std::string digits(16, '0');
  for (std::size_t i = 16; i-- > 0; high >>= 4) digits[i] = kHex[high & 15];
  return digits;
}

std::string Identity(std::string_view rule, std::string_view device_id) {
  std::string text(rule);
  text += '\0';
  text += device_id;
  return text;
}

void AppendTime(std::string& out, std::int64_t time_us) {
  out += '"';
  const std::size_t at = out.size();
  out.resize(at + kTimeTextSize);
  WriteTime(time_us, out.data() + at);
  out += '"';
}

void AppendMetrics(std::string& out, const std::vector<MetricSpec>& metrics, const double* values) {
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    out += ',';
    AppendJsonString(out, metrics[i].name);
    out += ':';
    if (metrics[i].is_bool && !std::isnan(values[i])) {
      out += values[i] != 0 ? "true" : "false";
    } else {
      AppendJsonNumber(out, values[i]);
    }
  }
}

void AppendObject(std::string& out, std::string_view json) {
  out += json.empty() ? std::string_view("{}") : json;
}

void AppendLatency(std::string& out, const AlertRecord& record) {
  const bool has_ingest = record.ingest_latency_ms >= 0;
  const bool has_evaluation = record.evaluation_latency_ms >= 0;
  if (!has_ingest && !has_evaluation) return;
  out += R"(,"latency_ms":{)";
  if (has_ingest) {
    out += R"("ingest":)";
    AppendJsonNumber(out, record.ingest_latency_ms);
  }
  if (has_evaluation) {
    out += has_ingest ? R"(,"evaluation":)" : R"("evaluation":)";
    AppendJsonNumber(out, record.evaluation_latency_ms);
  }
  out += '}';
}

}  // namespace

std::string AlertId(std::string_view rule, std::string_view device_id, std::int64_t starts_at_us,
                    std::uint32_t episode) {
  std::string text = Identity(rule, device_id);
  text += '\0';
  text += std::to_string(starts_at_us);
  if (episode > 1) {
    text += '\0';
    text += std::to_string(episode);
  }
  return Digest(text);
}

std::string AlertFingerprint(std::string_view rule, std::string_view device_id) {
  return Digest(Identity(rule, device_id));
}

void AppendAlertJson(std::string& out, const AlertRecord& record,
                     const std::vector<MetricSpec>& metrics, const double* values) {
  const bool firing = record.state == AlertState::kFiring;
  const auto text = [&out](std::string_view name, std::string_view value) {
    out += name;
    AppendJsonString(out, value);
  };
  const auto time = [&out](std::string_view name, std::int64_t time_us) {
    out += name;
    AppendTime(out, time_us);
  };
  const auto number = [&out](std::string_view name, std::int64_t value) {
    out += name;
    AppendJsonNumber(out, value);
  };
  text(R"({"id":)", AlertId(record.rule, record.device_id, record.starts_at_us, record.episode));
  text(R"(,"fingerprint":)", AlertFingerprint(record.rule, record.device_id));
  text(R"(,"rule":)", record.rule);
  text(R"(,"severity":)", record.severity);
  out += firing ? R"(,"state":"firing")" : R"(,"state":"resolved")";
  text(R"(,"device_id":)", record.device_id);
  time(R"(,"timestamp":)", record.time_us);
  AppendMetrics(out, metrics, values);
  out += firing ? R"(,"status":"ALERT")" : R"(,"status":"OK")";
  text(R"(,"reason":)", record.reason.empty() ? record.rule : record.reason);
  time(R"(,"starts_at":)", record.starts_at_us);
  if (firing) {
    out += R"(,"ends_at":null)";
  } else {
    time(R"(,"ends_at":)", record.ends_at_us);
  }
  number(R"(,"event_count":)", static_cast<std::int64_t>(record.event_count));
  out += R"(,"labels":)";
  AppendObject(out, record.labels_json);
  out += R"(,"annotations":)";
  AppendObject(out, record.annotations_json);
  time(R"(,"active_at":)", record.active_at_us);
  out += R"(,"value":)";
  AppendJsonNumber(out, record.value);
  text(R"(,"rule_version":)", record.rule_version);
  text(R"(,"source":{"topic":)", record.source_topic);
  number(R"(,"partition":)", record.source_partition);
  number(R"(,"offset":)", record.source_offset);
  out += '}';
  AppendLatency(out, record);
  if (record.active_offset >= 0) number(R"(,"active_offset":)", record.active_offset);
  if (record.flapping) out += R"(,"flapping":true)";
  if (!record.cause.empty()) text(R"(,"cause":)", record.cause);
  if (!record.explain_json.empty()) {
    out += R"(,"explain":)";
    out += record.explain_json;
  }
  out += '}';
}

}  // namespace tocsin
