#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/alert_message.h"

namespace tocsin {

// Alerts as episodes: the firing and the resolved record of one id are one alert. All that fire and
// the newest resolved ones; when it is full the alert that resolved first makes room.
//
// Memory: about 1 KiB an alert. Threads: none but the owner's.
class AlertStore {
 public:
  // `every_event`: records are of events, not of transitions; none of them counts as firing.
  AlertStore(std::size_t max_alerts, bool every_event);

  // Takes one record of the alert topic; returns the alert as it is from here on.
  const AlertMessage& Apply(AlertMessage record);
  // In no order that means anything, until `visit` returns false.
  void Visit(const std::function<bool(const AlertMessage&)>& visit) const;

  std::size_t size() const { return alerts_.size(); }
  std::uint64_t total() const { return total_; }  // taken since it was made
  std::uint64_t firing() const { return firing_; }
  std::size_t devices_firing() const { return by_device_.size(); }
  bool complete() const { return total_ == alerts_.size(); }
  // Rules whose alert fires for the device, in no order that means anything.
  std::vector<std::string> RulesFiring(std::string_view device) const;

 private:
  void StartFiring(const AlertMessage& alert);
  void EndFiring(const AlertMessage& alert);
  void MakeRoom();

  const std::size_t max_alerts_;
  const bool every_event_;
  std::map<std::uint64_t, AlertMessage> alerts_;  // by the order in which they began to be known
  std::unordered_map<std::string, std::uint64_t> by_id_;
  std::deque<std::uint64_t> resolved_;  // in the order of resolution
  std::unordered_map<std::string, std::vector<std::string>> by_device_;  // rules that fire
  std::uint64_t firing_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace tocsin
