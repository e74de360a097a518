#include "live_view/alert_store.h"

#include <algorithm>
#include <utility>

namespace tocsin {

AlertStore::AlertStore(std::size_t max_alerts, bool every_event)
    : max_alerts_(max_alerts), every_event_(every_event) {}

const AlertMessage& AlertStore::Apply(AlertMessage record) {
  record.json.clear();
  record.json.shrink_to_fit();
  if (every_event_ && record.firing) {
    record.firing = false;
    record.ends_at_us = record.time_us;
  }
  const auto known = by_id_.find(record.id);
  if (known != by_id_.end()) {
    AlertMessage& alert = alerts_.at(known->second);
    if (alert.firing) EndFiring(alert);
    // A resolution that was read first stays: the topic's partitions are read side by side.
    alert = std::move(record);
    if (alert.firing) {
      StartFiring(alert);
    } else {
      resolved_.push_back(known->second);
    }
    return alert;
  }
  const std::uint64_t number = total_++;
  by_id_.emplace(record.id, number);
  AlertMessage& alert = alerts_.emplace(number, std::move(record)).first->second;
  if (alert.firing) {
    StartFiring(alert);
  } else {
    resolved_.push_back(number);
  }
  MakeRoom();
  return alert;
}

void AlertStore::MakeRoom() {
  while (alerts_.size() > max_alerts_) {
    auto oldest = alerts_.begin();
    if (!resolved_.empty()) {
      oldest = alerts_.find(resolved_.front());
      resolved_.pop_front();
      if (oldest == alerts_.end() || oldest->second.firing) continue;
    } else if (oldest->second.firing) {
      EndFiring(oldest->second);
    }
    // The alert that was just taken is the last one and stays.
    if (std::next(oldest) == alerts_.end()) return;
    by_id_.erase(oldest->second.id);
    alerts_.erase(oldest);
  }
}

void AlertStore::StartFiring(const AlertMessage& alert) {
  ++firing_;
  by_device_[alert.device_id].push_back(alert.rule);
}

void AlertStore::EndFiring(const AlertMessage& alert) {
  --firing_;
  const auto found = by_device_.find(alert.device_id);
  if (found == by_device_.end()) return;
  const auto rule = std::ranges::find(found->second, alert.rule);
  if (rule != found->second.end()) found->second.erase(rule);
  if (found->second.empty()) by_device_.erase(found);
}

void AlertStore::Visit(const std::function<bool(const AlertMessage&)>& visit) const {
  for (auto at = alerts_.rbegin(); at != alerts_.rend(); ++at) {
    if (!visit(at->second)) return;
  }
}

std::vector<std::string> AlertStore::RulesFiring(std::string_view device) const {
  const auto found = by_device_.find(std::string(device));
  return found == by_device_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace tocsin
