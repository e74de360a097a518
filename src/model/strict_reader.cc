#include "model/strict_reader.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json_text.h"
#include "base/time_text.h"
#include "model/json_number.h"
#include "model/json_string.h"

namespace tocsin {
namespace {

// The text of a string member, unescaped into the batch when it must be.
std::string_view TextOf(const JsonMember& member, EventBatch& batch) {
  const std::string_view body = member.text.substr(1, member.text.size() - 2);
  if (!member.has_escapes) return body;
  std::string& text = batch.arena.emplace_back();
  AppendUnescaped(text, body);
  return text;
}

JsonFault WrongType(std::string_view name, std::string_view value, std::string_view expected) {
  return {RejectReason::kWrongType,
          std::string(name) + " is " + Shortened(value) + ", " + std::string(expected)};
}

bool IsBool(const JsonMember& member) {
  return member.kind == JsonKind::kTrue || member.kind == JsonKind::kFalse;
}

bool IsString(const JsonMember& member) {
  return member.kind == JsonKind::kString;
}

}  // namespace

StrictReader::StrictReader(std::vector<MetricSpec> metrics, EventLimits limits)
    : metrics_(std::move(metrics)),
      fields_(metrics_),
      json_(limits),
      metric_members_(metrics_.size()),
      values_(metrics_.size()) {}

void StrictReader::Parse(std::string_view record, EventBatch& batch) {
  if (Verdict verdict = Judge(record, batch)) {
    batch.AddRejected(record, verdict->reason, std::move(verdict->message));
    return;
  }
  const std::string_view object = json_.root_text();
  const auto begin = static_cast<std::size_t>(object.data() - record.data());
  batch.AddGood(record, {.begin = begin, .end = begin + object.size()}, device_id_, time_us_,
                status_, values_.data());
}

StrictReader::Verdict StrictReader::Judge(std::string_view record, EventBatch& batch) {
  if (Verdict verdict = json_.Read(record)) return verdict;
  if (json_.root_kind() != JsonKind::kObject) {
    return WrongType("the record", json_.root_text(), "an object is expected");
  }
  SortMembers();
  if (Verdict verdict = CheckPresence()) return verdict;
  if (Verdict verdict = CheckTypes(batch)) return verdict;
  if (Verdict verdict = CheckTime()) return verdict;
  return CheckRanges();
}

void StrictReader::SortMembers() {
  device_id_member_ = timestamp_member_ = status_member_ = nullptr;
  std::ranges::fill(metric_members_, nullptr);
  for (const JsonMember& member : json_.members()) {
    if (member.kind == JsonKind::kNull) continue;
    const Field field = fields_.Find(member.key);
    switch (field.role) {
      case FieldRole::kDeviceId:
        device_id_member_ = &member;
        break;
      case FieldRole::kTimestamp:
        timestamp_member_ = &member;
        break;
      case FieldRole::kStatus:
        status_member_ = &member;
        break;
      case FieldRole::kMetric:
        metric_members_[field.metric] = &member;
        break;
      case FieldRole::kUndeclared:
      case FieldRole::kReserved:
        break;
    }
  }
}

StrictReader::Verdict StrictReader::CheckPresence() const {
  const auto missing = [](std::string_view name) {
    return JsonFault{RejectReason::kMissingField,
                     std::string(name) + " is absent or null, the event needs it"};
  };
  if (device_id_member_ == nullptr) return missing("device_id");
  if (timestamp_member_ == nullptr) return missing("timestamp");
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (metrics_[i].required && metric_members_[i] == nullptr) return missing(metrics_[i].name);
  }
  return std::nullopt;
}

StrictReader::Verdict StrictReader::CheckTypes(EventBatch& batch) {
  constexpr std::string_view kString = "a string is expected";
  if (!IsString(*device_id_member_)) {
    return WrongType("device_id", device_id_member_->text, kString);
  }
  device_id_ = TextOf(*device_id_member_, batch);
  if (device_id_.empty() || device_id_.size() > kMaxDeviceIdBytes) {
    return WrongType(
        "device_id", device_id_member_->text,
        "a string of 1 to 256 bytes is expected, it has " + std::to_string(device_id_.size()));
  }
  if (!IsString(*timestamp_member_)) {
    return WrongType("timestamp", timestamp_member_->text, kString);
  }
  timestamp_ = TextOf(*timestamp_member_, batch);
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (metric_members_[i] == nullptr) continue;
    if (Verdict verdict = CheckMetricType(i)) return verdict;
  }
  status_ = {};
  if (status_member_ == nullptr) return std::nullopt;
  if (!IsString(*status_member_)) return WrongType("status", status_member_->text, kString);
  status_ = TextOf(*status_member_, batch);
  return std::nullopt;
}

StrictReader::Verdict StrictReader::CheckMetricType(std::size_t metric) const {
  const MetricSpec& spec = metrics_[metric];
  const JsonMember& member = *metric_members_[metric];
  if (spec.is_bool && !IsBool(member)) {
    return WrongType(spec.name, member.text, "true or false is expected");
  }
  if (!spec.is_bool && member.kind != JsonKind::kNumber) {
    return WrongType(spec.name, member.text, "a number is expected");
  }
  return std::nullopt;
}

StrictReader::Verdict StrictReader::CheckTime() {
  const std::optional<std::int64_t> time = ParseTime(timestamp_);
  if (!time) {
    return JsonFault{RejectReason::kBadTimestamp,
                     "timestamp is " + Shortened(timestamp_member_->text) +
                         ", a time such as 2025-11-23T10:15:30.123456Z is expected"};
  }
  time_us_ = *time;
  return std::nullopt;
}

StrictReader::Verdict StrictReader::CheckRanges() {
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const MetricSpec& spec = metrics_[i];
    const JsonMember* const member = metric_members_[i];
    values_[i] = EventBatch::kNull;
    if (member == nullptr) continue;
    if (spec.is_bool) {
      values_[i] = member->kind == JsonKind::kTrue ? 1 : 0;
      continue;
    }
    values_[i] = JsonNumberValue(member->text);
    if (std::isfinite(values_[i]) && values_[i] >= spec.min && values_[i] <= spec.max) continue;
    std::string message = spec.name + " is " + Shortened(member->text) + ", allowed are ";
    AppendJsonNumber(message, spec.min);
    message += " to ";
    AppendJsonNumber(message, spec.max);
    if (!spec.unit.empty()) message += " " + spec.unit;
    return JsonFault{RejectReason::kOutOfRange, std::move(message)};
  }
  return std::nullopt;
}

}  // namespace tocsin
