#include "model/alert_message.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/time_text.h"

namespace tocsin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxRecordBytes = 1 << 20;

std::unexpected<Error> Wrong(std::string_view field, std::string_view wanted) {
  return Fail(Code::kInvalidArgument,
              "an alert record's '" + std::string(field) + "' must be " + std::string(wanted));
}

const Json* Find(const Json& record, const char* field) {
  const auto at = record.find(field);
  return at == record.end() ? nullptr : &*at;
}

Status ReadText(const Json& record, const char* field, std::string& out) {
  const Json* value = Find(record, field);
  if (value == nullptr || !value->is_string() || value->get_ref<const std::string&>().empty()) {
    return Wrong(field, "a text that is not empty");
  }
  out = value->get_ref<const std::string&>();
  return {};
}

Status ReadTime(const Json& record, const char* field, std::int64_t& out) {
  std::string text;
  TOCSIN_TRY(ReadText(record, field, text));
  const std::optional<std::int64_t> time = ParseTime(text);
  if (!time) return Wrong(field, "a timestamp such as 2026-01-02T03:04:05Z");
  out = *time;
  return {};
}

Status ReadTexts(const Json& record, const char* field, std::map<std::string, std::string>& out) {
  const Json* value = Find(record, field);
  if (value == nullptr || value->is_null()) return {};
  if (!value->is_object()) return Wrong(field, "an object of texts");
  for (const auto& [name, item] : value->items()) {
    if (item.is_structured()) return Wrong(field, "an object of texts");
    out[name] = item.is_string() ? item.get_ref<const std::string&>() : item.dump();
  }
  return {};
}

Status ReadState(const Json& record, AlertMessage& alert) {
  std::string state;
  TOCSIN_TRY(ReadText(record, "state", state));
  if (state != "firing" && state != "resolved") return Wrong("state", "firing or resolved");
  alert.firing = state == "firing";
  if (!alert.firing) TOCSIN_TRY(ReadTime(record, "ends_at", alert.ends_at_us));
  return {};
}

Status ReadOptional(const Json& record, AlertMessage& alert) {
  if (const Json* value = Find(record, "flapping")) {
    if (!value->is_boolean()) return Wrong("flapping", "true or false");
    alert.flapping = value->get<bool>();
  }
  if (const Json* value = Find(record, "cause")) {
    if (!value->is_string()) return Wrong("cause", "a text");
    alert.cause = value->get_ref<const std::string&>();
  }
  if (const Json* value = Find(record, "event_count")) {
    if (!value->is_number_unsigned()) return Wrong("event_count", "a whole number");
    alert.event_count = value->get<std::uint64_t>();
  }
  alert.value = std::numeric_limits<double>::quiet_NaN();
  if (const Json* value = Find(record, "value"); value != nullptr && !value->is_null()) {
    if (!value->is_number()) return Wrong("value", "a number or null");
    alert.value = value->get<double>();
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> AlertMessage::RouteLabels() const {
  std::map<std::string, std::string> all = labels;
  all["alertname"] = rule;
  all["device_id"] = device_id;
  all["severity"] = severity;
  return all;
}

Result<AlertMessage> ParseAlertMessage(std::string_view json) {
  if (json.size() > kMaxRecordBytes) {
    return Fail(Code::kInvalidArgument, "an alert record is larger than 1 MiB");
  }
  const Json record = Json::parse(json, nullptr, false);
  if (!record.is_object()) {
    return Fail(Code::kInvalidArgument, "an alert record must be a JSON object");
  }
  AlertMessage alert;
  TOCSIN_TRY(ReadText(record, "id", alert.id));
  TOCSIN_TRY(ReadText(record, "fingerprint", alert.fingerprint));
  TOCSIN_TRY(ReadText(record, "rule", alert.rule));
  TOCSIN_TRY(ReadText(record, "severity", alert.severity));
  TOCSIN_TRY(ReadText(record, "device_id", alert.device_id));
  TOCSIN_TRY(ReadState(record, alert));
  TOCSIN_TRY(ReadTime(record, "timestamp", alert.time_us));
  TOCSIN_TRY(ReadTime(record, "starts_at", alert.starts_at_us));
  TOCSIN_TRY(ReadOptional(record, alert));
  TOCSIN_TRY(ReadTexts(record, "labels", alert.labels));
  TOCSIN_TRY(ReadTexts(record, "annotations", alert.annotations));
  alert.json = json;
  return alert;
}

}  // namespace tocsin
