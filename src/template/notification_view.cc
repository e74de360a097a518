#include "template/notification_view.h"

#include <algorithm>

#include "base/time_text.h"

namespace tocsin {
namespace {

int SeverityRank(std::string_view severity) {
  if (severity == "critical") return 3;
  if (severity == "warning") return 2;
  return severity == "info" ? 1 : 0;
}

void KeepEqual(LabelMap& common, const LabelMap& other) {
  std::erase_if(common, [&](const auto& entry) {
    const auto found = other.find(entry.first);
    return found == other.end() || found->second != entry.second;
  });
}

}  // namespace

std::string_view NotificationView::status() const {
  return notification_.firing_count > 0 ? "firing" : "resolved";
}

std::uint64_t NotificationView::truncated() const {
  const std::uint64_t all = notification_.firing_count + notification_.resolved_count;
  const std::uint64_t shown = notification_.alerts.size();
  return all > shown ? all - shown : 0;
}

const LabelMap& NotificationView::labels(std::size_t index) const {
  labels_.resize(notification_.alerts.size());
  if (!labels_[index]) labels_[index] = notification_.alerts[index].RouteLabels();
  return *labels_[index];
}

const LabelMap& NotificationView::common_labels() const {
  if (common_labels_) return *common_labels_;
  common_labels_.emplace();
  if (notification_.alerts.empty()) {
    // A digest without alerts still has what it was grouped by.
    *common_labels_ = notification_.group_labels;
    return *common_labels_;
  }
  *common_labels_ = labels(0);
  for (std::size_t i = 1; i < notification_.alerts.size() && !common_labels_->empty(); ++i) {
    KeepEqual(*common_labels_, labels(i));
  }
  return *common_labels_;
}

const LabelMap& NotificationView::common_annotations() const {
  if (common_annotations_) return *common_annotations_;
  common_annotations_.emplace();
  const auto& alerts = notification_.alerts;
  if (!alerts.empty()) *common_annotations_ = alerts[0].annotations;
  for (const AlertMessage& alert : alerts) KeepEqual(*common_annotations_, alert.annotations);
  return *common_annotations_;
}

std::string_view NotificationView::severity() const {
  const AlertMessage* highest = nullptr;
  for (const AlertMessage& alert : notification_.alerts) {
    if (!alert.firing && notification_.firing_count > 0) continue;
    if (highest == nullptr || SeverityRank(alert.severity) > SeverityRank(highest->severity)) {
      highest = &alert;
    }
  }
  return highest == nullptr ? std::string_view() : std::string_view(highest->severity);
}

std::string TimeText(std::int64_t time_us) {
  if (time_us == 0) return {};
  std::string text = FormatTime(time_us);
  text.pop_back();
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text + 'Z';
}

std::string_view StatusText(const AlertMessage& alert) {
  return alert.firing ? "firing" : "resolved";
}

}  // namespace tocsin
