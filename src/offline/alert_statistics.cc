#include "offline/alert_statistics.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace tocsin {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

std::int64_t StartOfHour(std::int64_t t_us) {
  const std::int64_t into_hour = ((t_us % kHourUs) + kHourUs) % kHourUs;
  return t_us - into_hour;
}

}  // namespace

bool AlertStatistics::Earlier::operator()(const ListedAlert& a, const ListedAlert& b) const {
  // Two episodes of one instance may begin at one time; the one that ended goes first.
  const auto end = [](const ListedAlert& alert) { return alert.ends_at_us.value_or(INT64_MAX); };
  return std::tuple(a.starts_at_us, a.rule, std::string_view(a.device_id), end(a)) <
         std::tuple(b.starts_at_us, b.rule, std::string_view(b.device_id), end(b));
}

AlertStatistics::AlertStatistics(std::size_t rules, std::size_t list, const FaultLabels* labels,
                                 std::int64_t grace_us, std::size_t fleet_levels)
    : list_limit_(list), first_fleet_rule_(rules), rules_(rules + fleet_levels) {
  if (labels != nullptr) scorer_.emplace(*labels, rules_.size(), grace_us);
}

void AlertStatistics::OnTransition(const Transition& transition) {
  Counts& counts = rules_[transition.rule];
  if (transition.flapping) ++counts.flapping;
  const std::uint32_t device = devices_.Encode(transition.device_id);
  Instance& instance = instances_[Key(device, transition.rule)];
  instance.alert.level = transition.level;
  instance.alert.event_count = transition.instance.event_count;
  switch (transition.kind) {
    case AlertTransition::kFiring:
      Open(transition.rule, instance, transition.instance.starts_at_us, transition.value);
      break;
    case AlertTransition::kLevel:
      ++counts.level_changes;
      break;
    case AlertTransition::kResolved:
      if (instance.open) Close(device, instance, transition.t_us, true);
      break;
    case AlertTransition::kNone:
      break;
  }
}

void AlertStatistics::OnFleetChange(const FleetChange& change, std::size_t /*row*/) {
  const std::size_t rule = first_fleet_rule_ + change.level;
  const std::uint32_t device = devices_.Encode(change.name);
  Instance& instance = instances_[Key(device, rule)];
  instance.alert.level = 1;
  if (change.firing) {
    Open(rule, instance, change.starts_at_us, EventBatch::kNull);
  } else if (instance.open) {
    Close(device, instance, change.t_us, true);
  }
}

void AlertStatistics::Open(std::size_t rule, Instance& instance, std::int64_t starts_us,
                           double value) {
  Counts& counts = rules_[rule];
  ++instance.alerts;
  instance.open = true;
  instance.alert.rule = rule;
  instance.alert.starts_at_us = starts_us;
  instance.alert.value = value;
  counts.first_us = std::min(counts.first_us, starts_us);
  counts.last_us = std::max(counts.last_us, starts_us);
  ++counts.by_hour[StartOfHour(starts_us)];
}

void AlertStatistics::Close(std::uint32_t device, Instance& instance, std::int64_t ends_at_us,
                            bool resolved) {
  const std::string_view device_id = devices_.Decode(device);
  ListedAlert& alert = instance.alert;
  instance.open = false;
  instance.firing_us += ends_at_us - alert.starts_at_us;
  if (!resolved) ++rules_[alert.rule].firing_at_end;
  // Faults are of devices, not of what stands above them.
  if (scorer_ && alert.rule <= first_fleet_rule_)
    scorer_->Add({alert.rule, device_id, alert.starts_at_us, ends_at_us});
  ListedAlert listed = alert;
  if (resolved) listed.ends_at_us = ends_at_us;
  if (list_.size() == list_limit_) {
    if (list_limit_ == 0 || std::prev(list_.end())->starts_at_us < listed.starts_at_us) return;
  }
  listed.device_id = device_id;
  Keep(std::move(listed));
}

void AlertStatistics::Keep(ListedAlert alert) {
  list_.insert(std::move(alert));
  if (list_.size() > list_limit_) list_.erase(std::prev(list_.end()));
}

void AlertStatistics::Finish(std::int64_t end_us) {
  for (auto& [key, instance] : instances_) {
    if (!instance.open) continue;
    const auto device = static_cast<std::uint32_t>(key / kStride);
    Close(device, instance, std::max(end_us, instance.alert.starts_at_us), false);
  }
}

void AlertStatistics::Merge(AlertStatistics& other) {
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    Counts& mine = rules_[r];
    const Counts& theirs = other.rules_[r];
    mine.firing_at_end += theirs.firing_at_end;
    mine.level_changes += theirs.level_changes;
    mine.flapping += theirs.flapping;
    mine.first_us = std::min(mine.first_us, theirs.first_us);
    mine.last_us = std::max(mine.last_us, theirs.last_us);
    for (const auto& [hour_us, alerts] : theirs.by_hour) mine.by_hour[hour_us] += alerts;
  }
  for (const auto& [key, instance] : other.instances_) {
    const auto theirs = static_cast<std::uint32_t>(key / kStride);
    const std::uint32_t device = devices_.Encode(other.devices_.Decode(theirs));
    Instance& mine = instances_[Key(device, key % kStride)];
    mine.alerts += instance.alerts;
    mine.firing_us += instance.firing_us;
  }
  for (const ListedAlert& alert : other.list_) Keep(alert);
  if (scorer_) scorer_->Merge(*other.scorer_);
}

RuleStatistics AlertStatistics::Rule(std::size_t rule) const {
  RuleStatistics result;
  const Counts& counts = rules_[rule];
  result.firing_at_end = counts.firing_at_end;
  result.level_changes = counts.level_changes;
  result.flapping = counts.flapping;
  for (const auto& [hour_us, alerts] : counts.by_hour) {
    if (alerts < result.peak_per_hour) continue;
    if (alerts == result.peak_per_hour && hour_us > result.peak_hour_us) continue;
    result.peak_per_hour = alerts;
    result.peak_hour_us = hour_us;
  }
  for (const auto& [key, instance] : instances_) {
    if (key % kStride != rule || instance.alerts == 0) continue;
    ++result.devices;
    result.alerts += instance.alerts;
    result.firing_us += instance.firing_us;
    const auto device = static_cast<std::uint32_t>(key / kStride);
    result.worst.push_back(
        {std::string(devices_.Decode(device)), instance.alerts, instance.firing_us});
  }
  if (result.alerts > 0) {
    result.first_us = counts.first_us;
    result.last_us = counts.last_us;
  }
  const auto worse = [](const DeviceAlerts& a, const DeviceAlerts& b) {
    if (a.firing_us != b.firing_us) return a.firing_us > b.firing_us;
    if (a.alerts != b.alerts) return a.alerts > b.alerts;
    return a.device_id < b.device_id;
  };
  const std::size_t kept = std::min(result.worst.size(), RuleStatistics::kWorstDevices);
  std::partial_sort(result.worst.begin(), result.worst.begin() + static_cast<std::ptrdiff_t>(kept),
                    result.worst.end(), worse);
  result.worst.resize(kept);
  return result;
}

std::vector<ListedAlert> AlertStatistics::List() const {
  return {list_.begin(), list_.end()};
}

}  // namespace tocsin
