#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/device_dictionary.h"
#include "offline/scoring.h"
#include "process/partition_engine.h"
#include "rule/rule_set.h"

namespace tocsin {

// What one rule did at one device.
struct DeviceAlerts {
  std::string device_id;
  std::uint64_t alerts = 0;
  std::int64_t firing_us = 0;
};

// One alert of the list: kept by value.
struct ListedAlert {
  std::int64_t starts_at_us = 0;
  std::size_t rule = 0;
  std::string device_id;
  std::optional<std::int64_t> ends_at_us;  // nothing: fires at the end of the data
  std::uint8_t level = 0;                  // the last one; position in levels + 1
  double value = 0;                        // of the event that made it fire; NaN = null
  std::uint32_t event_count = 0;           // as of its last record
};

struct RuleStatistics {
  std::uint64_t alerts = 0;         // episodes
  std::uint64_t firing_at_end = 0;  // of them
  std::uint64_t level_changes = 0;
  std::uint64_t flapping = 0;  // how often the flap guard spoke
  std::int64_t firing_us = 0;  // summed over the devices
  std::int64_t first_us = 0;   // starts_at of the first and the last alert; 0 without one
  std::int64_t last_us = 0;
  std::uint64_t peak_per_hour = 0;  // most alerts that started in one hour of UTC
  std::int64_t peak_hour_us = 0;    // start of the first such hour
  std::uint64_t devices = 0;        // with at least one alert
  std::vector<DeviceAlerts> worst;  // by time firing, then alerts, then id: at most kWorstDevices
  static constexpr std::size_t kWorstDevices = 10;
};

// Counts the transitions of one partition. Memory grows with the instances that ever fired, the
// hours in which they did and the length of the list, not with the alerts.
//
// Threads: none but the owner's; several are merged when all is read.
class AlertStatistics final : public PartitionEngine::Sink {
 public:
  // Lists the `list` earliest alerts. `labels` may be nullptr: no scores; else it must outlive
  // this.
  //
  // After the `rules` come `fleet_levels` more: the silence of devices, of the lowest parents …
  AlertStatistics(std::size_t rules, std::size_t list, const FaultLabels* labels,
                  std::int64_t grace_us, std::size_t fleet_levels = 0);

  void OnTransition(const Transition& transition) override;
  void OnFleetChange(const FleetChange& change, std::size_t row) override;
  // Ends the episodes that are open: they fire at the end of the data.
  void Finish(std::int64_t end_us);
  // After Finish of both. `other` has other devices.
  void Merge(AlertStatistics& other);

  RuleStatistics Rule(std::size_t rule) const;
  std::vector<ListedAlert> List() const;  // by starts_at, rule, device
  const Scorer* scorer() const { return scorer_.has_value() ? &*scorer_ : nullptr; }

 private:
  struct Instance {
    std::uint64_t alerts = 0;
    std::int64_t firing_us = 0;
    bool open = false;
    ListedAlert alert;  // the open one; its device_id is not set
  };
  struct Counts {
    std::uint64_t firing_at_end = 0;
    std::uint64_t level_changes = 0;
    std::uint64_t flapping = 0;
    std::int64_t first_us = INT64_MAX;
    std::int64_t last_us = INT64_MIN;
    std::unordered_map<std::int64_t, std::uint64_t> by_hour;
  };
  struct Earlier {
    bool operator()(const ListedAlert& a, const ListedAlert& b) const;
  };

  static constexpr std::uint64_t kStride = 2 * RuleSet::kMaxRules;
  static std::uint64_t Key(std::uint32_t device, std::size_t rule) {
    return std::uint64_t{device} * kStride + rule;
  }
  void Open(std::size_t rule, Instance& instance, std::int64_t starts_us, double value);
  void Close(std::uint32_t device, Instance& instance, std::int64_t ends_at_us, bool resolved);
  void Keep(ListedAlert alert);

  const std::size_t list_limit_;
  const std::size_t first_fleet_rule_;
  std::vector<Counts> rules_;
  DeviceDictionary devices_;  // those with a transition
  std::unordered_map<std::uint64_t, Instance> instances_;
  std::set<ListedAlert, Earlier> list_;
  std::optional<Scorer> scorer_;
};

}  // namespace tocsin
