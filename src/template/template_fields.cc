#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "template/template_tree.h"
#include "template/template_value.h"

// The names of the fields, and what they hold.
namespace tocsin {
namespace {

struct NamedField {
  std::string_view name;
  Field field;
  ValueType type = ValueType::kScalar;
};

constexpr auto kRootFields = std::to_array<NamedField>({
    {"Status", Field::kStatus},
    {"Receiver", Field::kReceiver},
    {"GroupKey", Field::kGroupKey},
    {"ExternalURL", Field::kExternalUrl},
    {"FiringCount", Field::kFiringCount},
    {"ResolvedCount", Field::kResolvedCount},
    {"TruncatedAlerts", Field::kTruncatedAlerts},
    {"Digest", Field::kDigest},
    {"Backlog", Field::kBacklog},
    {"GroupLabels", Field::kGroupLabels, ValueType::kMap},
    {"CommonLabels", Field::kCommonLabels, ValueType::kMap},
    {"CommonAnnotations", Field::kCommonAnnotations, ValueType::kMap},
    {"Alerts", Field::kAlerts, ValueType::kAlerts},
    {"TopDevices", Field::kTopDevices, ValueType::kPairs},
});

constexpr auto kAlertFields = std::to_array<NamedField>({
    {"Status", Field::kAlertStatus},
    {"Labels", Field::kLabels, ValueType::kMap},
    {"Annotations", Field::kAnnotations, ValueType::kMap},
    {"StartsAt", Field::kStartsAt, ValueType::kTime},
    {"EndsAt", Field::kEndsAt, ValueType::kTime},
    {"GeneratorURL", Field::kGeneratorUrl},
    {"Fingerprint", Field::kFingerprint},
    {"Value", Field::kValue},
    {"DeviceID", Field::kDeviceId},
    {"Rule", Field::kRule},
    {"Severity", Field::kAlertSeverity},
});

constexpr auto kAlertsFields = std::to_array<NamedField>({
    {"Firing", Field::kFiring, ValueType::kAlerts},
    {"Resolved", Field::kResolved, ValueType::kAlerts},
});

constexpr auto kMapFields = std::to_array<NamedField>({
    {"SortedPairs", Field::kSortedPairs, ValueType::kPairs},
    {"Names", Field::kNames, ValueType::kTexts},
    {"Values", Field::kValues, ValueType::kTexts},
});

constexpr auto kPairsFields = std::to_array<NamedField>({
    {"Names", Field::kNames, ValueType::kTexts},
    {"Values", Field::kValues, ValueType::kTexts},
});

constexpr auto kPairFields = std::to_array<NamedField>({
    {"Name", Field::kPairName},
    {"Value", Field::kPairValue},
    {"Count", Field::kPairValue},
});

constexpr auto kTimeFields = std::to_array<NamedField>({
    {"UTC", Field::kUtc, ValueType::kTime},
    {"Local", Field::kUtc, ValueType::kTime},
    {"Unix", Field::kUnix},
});

std::span<const NamedField> FieldsOf(ValueType type) {
  switch (type) {
    case ValueType::kRoot:
      return kRootFields;
    case ValueType::kAlert:
      return kAlertFields;
    case ValueType::kAlerts:
      return kAlertsFields;
    case ValueType::kMap:
      return kMapFields;
    case ValueType::kPairs:
      return kPairsFields;
    case ValueType::kPair:
      return kPairFields;
    case ValueType::kTime:
      return kTimeFields;
    default:
      return {};
  }
}

TemplateValue Text(std::string_view text) {
  return {std::string(text)};
}
TemplateValue Number(std::uint64_t number) {
  return {static_cast<double>(number)};
}
// A map of the notification, which outlives every value.
TemplateValue Borrowed(const LabelMap& map) {
  return {TemplateValue::Map(TemplateValue::Map(), &map)};
}

TemplateValue AlertsOf(const Notification& notification, Field field) {
  TemplateValue::Alerts alerts;
  for (std::size_t i = 0; i < notification.alerts.size(); ++i) {
    const bool firing = notification.alerts[i].firing;
    if (field == Field::kFiring && !firing) continue;
    if (field == Field::kResolved && firing) continue;
    alerts.indexes.push_back(i);
  }
  return {std::move(alerts)};
}

TemplateValue OfRoot(Field field, const NotificationView& view) {
  const Notification& notification = view.notification();
  switch (field) {
    case Field::kStatus:
      return Text(view.status());
    case Field::kReceiver:
      return Text(notification.receiver);
    case Field::kGroupKey:
      return Text(notification.group_key);
    case Field::kExternalUrl:
      return Text(view.external_url());
    case Field::kFiringCount:
      return Number(notification.firing_count);
    case Field::kResolvedCount:
      return Number(notification.resolved_count);
    case Field::kTruncatedAlerts:
      return Number(view.truncated());
    case Field::kDigest:
      return {notification.digest};
    case Field::kBacklog:
      return {notification.backlog};
    case Field::kGroupLabels:
      return Borrowed(notification.group_labels);
    case Field::kCommonLabels:
      return Borrowed(view.common_labels());
    case Field::kCommonAnnotations:
      return Borrowed(view.common_annotations());
    case Field::kAlerts:
      return AlertsOf(notification, field);
    default: {
      TemplateValue::Pairs devices;
      for (const auto& [device, count] : notification.top_devices) {
        devices.push_back({device, std::to_string(count)});
      }
      return {std::move(devices)};
    }
  }
}

// Of an alert that there is not: empty values of the field's type.
TemplateValue OfNoAlert(Field field) {
  if (field == Field::kLabels || field == Field::kAnnotations) return {TemplateValue::Map()};
  if (field == Field::kStartsAt || field == Field::kEndsAt) return {TemplateValue::Time{}};
  return Text("");
}

TemplateValue OfAlert(Field field, std::size_t index, const NotificationView& view) {
  if (index >= view.notification().alerts.size()) return OfNoAlert(field);
  const AlertMessage& alert = view.notification().alerts[index];
  switch (field) {
    case Field::kAlertStatus:
      return Text(StatusText(alert));
    case Field::kLabels:
      return Borrowed(view.labels(index));
    case Field::kAnnotations:
      return Borrowed(alert.annotations);
    case Field::kStartsAt:
      return {TemplateValue::Time{alert.starts_at_us}};
    case Field::kEndsAt:
      return {TemplateValue::Time{alert.firing ? 0 : alert.ends_at_us}};
    case Field::kGeneratorUrl:
      return Text(view.external_url());
    case Field::kFingerprint:
      return Text(alert.fingerprint);
    case Field::kValue:
      return std::isfinite(alert.value) ? TemplateValue{alert.value} : Text("");
    case Field::kDeviceId:
      return Text(alert.device_id);
    case Field::kRule:
      return Text(alert.rule);
    default:
      return Text(alert.severity);
  }
}

TemplateValue OfMap(Field field, const LabelMap* map, const std::string& key) {
  if (field == Field::kEntry) {
    if (map == nullptr) return Text("");
    const auto found = map->find(key);
    return Text(found == map->end() ? std::string_view() : std::string_view(found->second));
  }
  if (field == Field::kSortedPairs) {
    TemplateValue::Pairs pairs;
    if (map == nullptr) return {std::move(pairs)};
    for (const auto& [name, value] : *map) pairs.push_back({name, value});
    return {std::move(pairs)};
  }
  TemplateValue::Texts texts;
  if (map == nullptr) return {std::move(texts)};
  for (const auto& [name, value] : *map) texts.push_back(field == Field::kNames ? name : value);
  return {std::move(texts)};
}

TemplateValue OfPairs(Field field, const TemplateValue::Pairs& pairs) {
  TemplateValue::Texts texts;
  for (const TemplateValue::Pair& pair : pairs) {
    texts.push_back(field == Field::kNames ? pair.name : pair.value);
  }
  return {std::move(texts)};
}

}  // namespace

std::string_view TypeName(ValueType type) {
  switch (type) {
    case ValueType::kScalar:
      return "a text or a number";
    case ValueType::kTime:
      return "a time";
    case ValueType::kTexts:
      return "a list of texts";
    case ValueType::kMap:
      return "labels";
    case ValueType::kPairs:
      return "a list of pairs";
    case ValueType::kPair:
      return "a pair of name and value";
    case ValueType::kAlerts:
      return "a list of alerts";
    case ValueType::kAlert:
      return "an alert";
    case ValueType::kRoot:
      break;
  }
  return "the notification";
}

bool ElementOf(ValueType list, ValueType& element) {
  switch (list) {
    case ValueType::kTexts:
      element = ValueType::kScalar;
      return true;
    case ValueType::kMap:
    case ValueType::kPairs:
      element = ValueType::kPair;
      return true;
    case ValueType::kAlerts:
      element = ValueType::kAlert;
      return true;
    default:
      return false;
  }
}

bool FindField(ValueType of, std::string_view name, FoundField& found) {
  const auto fields = FieldsOf(of);
  const auto at = std::ranges::find(fields, name, &NamedField::name);
  if (at != fields.end()) {
    found = {at->field, at->type};
    return true;
  }
  if (of != ValueType::kMap || name.empty()) return false;
  found = {Field::kEntry, ValueType::kScalar};
  return true;
}

std::vector<std::string_view> FieldNames(ValueType of) {
  std::vector<std::string_view> names;
  for (const NamedField& field : FieldsOf(of)) names.push_back(field.name);
  return names;
}

TemplateValue MemberOf(const TemplateValue& value, Field field, const std::string& key,
                       const TemplateRun& run) {
  const auto& data = value.data;
  if (std::holds_alternative<TemplateValue::Root>(data)) return OfRoot(field, run.view);
  if (const auto* alert = std::get_if<TemplateValue::Alert>(&data)) {
    return OfAlert(field, alert->index, run.view);
  }
  if (std::holds_alternative<TemplateValue::Alerts>(data)) {
    return AlertsOf(run.view.notification(), field);
  }
  if (const auto* map = std::get_if<TemplateValue::Map>(&data)) {
    return OfMap(field, map->get(), key);
  }
  if (const auto* pairs = std::get_if<TemplateValue::Pairs>(&data)) return OfPairs(field, *pairs);
  if (const auto* pair = std::get_if<TemplateValue::Pair>(&data)) {
    return Text(field == Field::kPairName ? pair->name : pair->value);
  }
  if (const auto* time = std::get_if<TemplateValue::Time>(&data)) {
    if (field == Field::kUtc) return value;
    return {static_cast<double>(time->us / 1'000'000)};
  }
  return {};
}

}  // namespace tocsin
