#include <algorithm>
#include <array>
#include <cmath>

#include "base/json_text.h"
#include "base/text.h"
#include "template/template_tree.h"

namespace tocsin {
namespace {

struct NamedField {
  std::string_view name;
  Field field;
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
    {"GroupLabels", Field::kGroupLabels},
    {"CommonLabels", Field::kCommonLabels},
    {"CommonAnnotations", Field::kCommonAnnotations},
    {"Alerts.Firing", Field::kAlertsFiring},
    {"Alerts.Resolved", Field::kAlertsResolved},
    {"Alerts", Field::kAlerts},
    {"TopDevices", Field::kTopDevices},
});

constexpr auto kAlertFields = std::to_array<NamedField>({
    {"Status", Field::kAlertStatus},
    {"Labels", Field::kLabels},
    {"Annotations", Field::kAnnotations},
    {"StartsAt", Field::kStartsAt},
    {"EndsAt", Field::kEndsAt},
    {"GeneratorURL", Field::kGeneratorUrl},
    {"Fingerprint", Field::kFingerprint},
    {"Value", Field::kValue},
    {"DeviceID", Field::kDeviceId},
    {"Rule", Field::kRule},
    {"Severity", Field::kAlertSeverity},
});

constexpr auto kPairFields = std::to_array<NamedField>({
    {"Name", Field::kPairName},
    {"Value", Field::kPairValue},
    {"Count", Field::kPairValue},
});

// The reference when `path` is one of `fields`, or the entry of a map among them.
bool Match(std::string_view path, std::span<const NamedField> fields, FieldReference& found) {
  for (const NamedField& field : fields) {
    if (path == field.name) {
      found = {field.field, FieldReference::View::kPlain, {}};
      return true;
    }
    if (!IsMap(field.field) || !path.starts_with(field.name) || path[field.name.size()] != '.') {
      continue;
    }
    std::string_view rest = path.substr(field.name.size() + 1);
    using View = FieldReference::View;
    if (rest.starts_with("SortedPairs.")) rest.remove_prefix(12);
    const View view = rest == "SortedPairs" ? View::kPairs
                      : rest == "Names"     ? View::kNames
                      : rest == "Values"    ? View::kValues
                                            : View::kEntry;
    found = {field.field, view, view == View::kEntry ? std::string(rest) : std::string()};
    return true;
  }
  return false;
}

const LabelMap* MapOf(Field field, const TemplateScope& scope) {
  static const LabelMap empty;
  const NotificationView& view = *scope.view;
  const auto index = static_cast<std::size_t>(scope.alert);
  switch (field) {
    case Field::kGroupLabels:
      return &view.notification().group_labels;
    case Field::kCommonLabels:
      return &view.common_labels();
    case Field::kCommonAnnotations:
      return &view.common_annotations();
    case Field::kLabels:
      return &view.labels(index);
    case Field::kAnnotations:
      return &view.notification().alerts[index].annotations;
    default:
      return &empty;
  }
}

TemplateValue Text(std::string_view text) {
  return {.text = std::string(text)};
}
TemplateValue Number(double number) {
  return {.kind = TemplateValue::Kind::kNumber, .number = number};
}
TemplateValue Bool(bool value) {
  return {.kind = TemplateValue::Kind::kBool, .number = value ? 1.0 : 0.0};
}

TemplateValue MapValue(const FieldReference& field, const TemplateScope& scope) {
  const LabelMap& map = *MapOf(field.field, scope);
  if (field.view == FieldReference::View::kEntry) {
    const auto found = map.find(field.key);
    return Text(found == map.end() ? std::string_view() : std::string_view(found->second));
  }
  TemplateValue value{.kind = TemplateValue::Kind::kList,
                      .number = static_cast<double>(map.size())};
  for (const auto& [name, text] : map) {
    if (field.view == FieldReference::View::kNames) {
      value.list.push_back(name);
    } else if (field.view == FieldReference::View::kValues) {
      value.list.push_back(text);
    } else {
      value.list.push_back(name + "=" + text);
    }
  }
  return value;
}

TemplateValue AlertValue(Field field, const AlertMessage& alert, std::string_view external_url) {
  switch (field) {
    case Field::kAlertStatus:
      return Text(StatusText(alert));
    case Field::kStartsAt:
      return Text(TimeText(alert.starts_at_us));
    case Field::kEndsAt:
      return Text(TimeText(alert.firing ? 0 : alert.ends_at_us));
    case Field::kGeneratorUrl:
      return Text(external_url);
    case Field::kFingerprint:
      return Text(alert.fingerprint);
    case Field::kValue:
      return std::isfinite(alert.value) ? Number(alert.value) : Text("");
    case Field::kDeviceId:
      return Text(alert.device_id);
    case Field::kRule:
      return Text(alert.rule);
    default:
      return Text(alert.severity);
  }
}

}  // namespace

bool IsMap(Field field) {
  return field == Field::kGroupLabels || field == Field::kCommonLabels ||
         field == Field::kCommonAnnotations || field == Field::kLabels ||
         field == Field::kAnnotations;
}

bool IsList(const FieldReference& field) {
  if (IsMap(field.field)) return field.view != FieldReference::View::kEntry;
  return field.field == Field::kAlerts || field.field == Field::kAlertsFiring ||
         field.field == Field::kAlertsResolved || field.field == Field::kTopDevices;
}

std::vector<TemplateScope> ElementsOf(const FieldReference& field, const TemplateScope& scope,
                                      std::vector<std::pair<std::string, std::string>>& pairs) {
  std::vector<TemplateScope> elements;
  const Notification& notification = scope.view->notification();
  if (IsMap(field.field) || field.field == Field::kTopDevices) {
    if (field.field == Field::kTopDevices) {
      for (const auto& [device, count] : notification.top_devices) {
        pairs.emplace_back(device, std::to_string(count));
      }
    } else {
      for (const auto& entry : *MapOf(field.field, scope)) pairs.emplace_back(entry);
    }
    for (const auto& pair : pairs) elements.push_back({scope.view, scope.alert, &pair});
    return elements;
  }
  for (std::size_t i = 0; i < notification.alerts.size(); ++i) {
    const bool firing = notification.alerts[i].firing;
    if (field.field == Field::kAlertsFiring && !firing) continue;
    if (field.field == Field::kAlertsResolved && firing) continue;
    elements.push_back({scope.view, static_cast<std::ptrdiff_t>(i), nullptr});
  }
  return elements;
}

TemplateValue ValueOf(const FieldReference& field, const TemplateScope& scope) {
  if (IsMap(field.field)) return MapValue(field, scope);
  const NotificationView& view = *scope.view;
  const Notification& notification = view.notification();
  if (IsList(field)) {
    std::vector<std::pair<std::string, std::string>> pairs;
    return {.kind = TemplateValue::Kind::kList,
            .number = static_cast<double>(ElementsOf(field, scope, pairs).size())};
  }
  switch (field.field) {
    case Field::kStatus:
      return Text(view.status());
    case Field::kReceiver:
      return Text(notification.receiver);
    case Field::kGroupKey:
      return Text(notification.group_key);
    case Field::kExternalUrl:
      return Text(view.external_url());
    case Field::kFiringCount:
      return Number(static_cast<double>(notification.firing_count));
    case Field::kResolvedCount:
      return Number(static_cast<double>(notification.resolved_count));
    case Field::kTruncatedAlerts:
      return Number(static_cast<double>(view.truncated()));
    case Field::kDigest:
      return Bool(notification.digest);
    case Field::kBacklog:
      return Bool(notification.backlog);
    case Field::kPairName:
      return Text(scope.pair->first);
    case Field::kPairValue:
      return Text(scope.pair->second);
    default:
      return AlertValue(field.field, notification.alerts[static_cast<std::size_t>(scope.alert)],
                        view.external_url());
  }
}

Result<FieldReference> FindField(std::string_view path, const NameScope& scope, bool from_root) {
  FieldReference found;
  if (!from_root && scope.pair && Match(path, kPairFields, found)) return found;
  if (!from_root && scope.alert && Match(path, kAlertFields, found)) return found;
  if (Match(path, kRootFields, found)) return found;
  std::vector<std::string_view> known;
  const auto add = [&](std::span<const NamedField> fields) {
    for (const NamedField& field : fields) known.push_back(field.name);
  };
  if (!from_root && scope.pair) add(kPairFields);
  if (!from_root && scope.alert) add(kAlertFields);
  add(kRootFields);
  const std::string_view head = path.substr(0, path.find('.'));
  std::string message = "unknown field '" + std::string(path) + "'";
  std::string_view nearest = Nearest(path, known);
  if (nearest.empty()) nearest = Nearest(head, known);
  if (!nearest.empty()) {
    message += "; did you mean " + std::string(nearest) + "?";
  } else if (!scope.alert && Match(path, kAlertFields, found)) {
    message += "; it is a field of an alert: use it within {{#Alerts}}…{{/Alerts}}";
  } else {
    message += "; known are";
    for (const std::string_view name : known) message.append(" ").append(name);
  }
  return Fail(Code::kInvalidArgument, message);
}

}  // namespace tocsin
