#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "fleet/fleet_directory.h"
#include "fleet/fleet_options.h"
#include "fleet/timer_queue.h"

namespace tocsin {

// One record's worth of change of a device or a parent.
struct FleetChange {
  std::string_view rule;  // device_silent, gateway_silent, …
  std::string_view name;  // the device's or the parent's
  std::size_t level = 0;  // 0 = a device, 1 = the lowest parent …
  bool firing = true;
  std::int64_t t_us = 0;          // of the change
  std::int64_t starts_at_us = 0;  // when the silence was due
  std::int64_t last_us = 0;       // the last event before it; starts_at_us when there was none
  std::string_view cause;         // silent, rule_removed; "" = an event came
};

class FleetSink {
 public:
  virtual ~FleetSink() = default;
  virtual void OnFleetChange(const FleetChange& change) = 0;
};

class FleetPartition;

// Who of the fleet is silent. A device is overdue at its last event + the time it may be quiet. A
// parent (gateway, site: the labels of the options) with at least two known devices is silent when
// all of them are overdue, from the moment the last one became so.
//
// One silence, one alert: a parent that may be silent (no event of any of its devices for 1.5 times
// its own cadence) holds back what its devices and lower parents would raise, until it hears from
// one of them or is silent itself. After the return of a parent that was silent, its devices have
// their whole time again, counted from the return.
//
// Partitions may be read at different times: what one says of a parent counts up to its own time
// only, so a device that is overdue in another, later one goes on waiting.
//
// All times are event times, or the partition's time (rules.md), so that the same log gives the
// same changes. Threads: none but the owner's.
class FleetLiveness {
 public:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::min();

  // `directory` must outlive it. Without options nothing is watched; what was silent is resolved.
  FleetLiveness(const FleetDirectory& directory, const FleetOptions* options);
  ~FleetLiveness();

  bool enabled() const { return enabled_; }
  // The part of an input partition; new and empty.
  FleetPartition& Add(std::int32_t partition);
  // What only this partition knew is forgotten, silences too: they are in its stored state.
  void Remove(std::int32_t partition);
  // Goes on with another directory and other options.
  void Configure(const FleetDirectory& directory, const FleetOptions* options);
  const FleetDirectory& directory() const { return *directory_; }
  const FleetOptions& options() const { return options_; }

  std::int64_t silent() const;  // devices and parents whose alert fires
  // The parent's labels: those of its own and the higher levels.
  DeviceLabels ParentLabels(std::size_t level, const std::string& name) const;

 private:
  friend class FleetPartition;
  using Index = std::int32_t;
  static constexpr Index kNoParent = -1;

  struct Place {
    FleetPartition* part;
    std::uint32_t code;
  };
  // A time-driven rule's evaluation that waits for a parent.
  struct Parked {
    Place place;
    std::int64_t due_us;
  };
  struct Parent {
    std::size_t level = 1;
    std::string name;
    Index up = kNoParent;
    std::vector<Place> devices;
    std::size_t overdue = 0;  // of the devices
    std::int64_t last_us = kNone;
    std::int64_t due_us = kNone;  // the latest due time of the overdue devices
    std::int64_t back_us = kNone;
    std::int64_t starts_at_us = kNone;
    bool firing = false;
    bool held = false;  // all overdue, but a higher parent may be silent
    std::vector<Place> held_devices;
    std::vector<Index> held_parents;  // lower ones
    std::vector<Parked> parked;
    bool counts() const { return devices.size() >= 2; }
    bool all_overdue() const { return counts() && overdue == devices.size(); }
  };

  Index ParentOf(std::size_t level, const std::string& name);
  void Link();
  void LinkDevice(FleetPartition& part, std::uint32_t code);
  void UnlinkDevice(FleetPartition& part, std::uint32_t code);
  float CadenceOf(Index parent) const;
  bool Suspect(Index parent, std::int64_t at_us) const;
  void MarkDirty(Index parent);
  void Overdue(Place place, std::int64_t due_us, FleetSink& sink);
  void NotOverdue(Place place);
  void Fire(Place place, std::int64_t due_us, FleetSink& sink);
  void FireParent(Index parent, FleetSink& sink);
  bool Decide(Index lowest, std::int64_t due_us, FleetSink& sink);
  void Returned(Index parent, std::int64_t gap_us, std::int64_t t_us, FleetSink& sink);
  void StartAgain(Index parent);
  void ReleaseHeld(Index parent, std::int64_t gap_us, std::int64_t t_us, FleetSink& sink);
  void Release(Index parent);
  void ReleaseAll(Index parent);
  static void Forget(Parent& parent);
  void CloseAll(FleetSink& sink);
  void Resolve(Index parent, std::int64_t t_us, std::string_view cause, FleetSink& sink);

  const FleetDirectory* directory_;
  FleetOptions options_;
  bool enabled_;
  bool linked_ = true;
  std::map<std::int32_t, std::unique_ptr<FleetPartition>> partitions_;
  std::deque<Parent> parents_;
  std::map<std::pair<std::size_t, std::string>, Index> by_name_;
  std::unordered_map<std::string, Place> absent_;  // expected and never seen
};

// The devices of one input partition, by their code there.
class FleetPartition {
 public:
  explicit FleetPartition(FleetLiveness& fleet) : fleet_(fleet) {}

  bool enabled() const { return fleet_.enabled(); }

  // A device that should exist. Counts from Start on.
  void Expect(std::uint32_t code, std::string_view device_id);
  // The time from which expected devices count, unless it is known already.
  void Start(std::int64_t time_us);

  // An event of the device, later than all before. WillChange tells whether OnEvent writes.
  bool WillChange(std::uint32_t code);
  void OnEvent(std::uint32_t code, std::string_view device_id, std::int64_t t_us, FleetSink& sink);
  // Partition time moved on.
  std::int64_t NextDueUs();
  void Advance(std::int64_t time_us, FleetSink& sink);

  // When a time-driven evaluation that is due may take place; INT64_MAX = not before Released
  // names the device.
  std::int64_t AllowedFrom(std::uint32_t code, std::int64_t due_us);
  std::vector<std::uint32_t> TakeReleased() { return std::exchange(released_, {}); }
  bool has_released() const { return !released_.empty(); }

  // Keyed state (docs/formats/keyed_state.md). The cadence and the last event of a device are kept
  // by the owner.
  static bool Owns(std::string_view key);
  // Gives the code of a device and makes the view of its id one that lasts.
  using CodeOf = std::function<std::uint32_t(std::string_view& device_id)>;
  bool Restore(std::string_view key, std::string_view value, const CodeOf& code_of);
  void RestoreDevice(std::uint32_t code, std::string_view device_id, std::int64_t last_us,
                     float cadence_us);
  using Put = std::function<void(std::string_view key, std::string_view value)>;
  void Flush(bool everything, const Put& put);
  float cadence(std::uint32_t code) const {
    return code < devices_.size() ? devices_[code].cadence_us : 0;
  }

 private:
  friend class FleetLiveness;
  struct Device {
    std::string_view id;
    std::int64_t last_us = FleetLiveness::kNone;
    float cadence_us = 0;
    FleetLiveness::Index parent = FleetLiveness::kNoParent;
    bool watched = false, overdue = false, held = false, firing = false;
  };
  // What this partition knows of a parent.
  struct ParentPart {
    std::int64_t last_us = FleetLiveness::kNone;
    float cadence_us = 0;
    bool known = false, dirty = false;
  };
  Device& DeviceAt(std::uint32_t code, std::string_view device_id);
  ParentPart& PartOf(FleetLiveness::Index parent);
  std::int64_t DueOf(std::uint32_t code) const;
  bool RestoreParent(std::string_view key, std::string_view value);
  bool RestoreSilent(std::uint32_t code, std::string_view device_id, std::string_view value);

  FleetLiveness& fleet_;
  std::int64_t start_us_ = FleetLiveness::kNone;
  bool start_dirty_ = false;
  std::vector<Device> devices_;
  std::vector<ParentPart> parents_;                         // by index of the parent
  std::unordered_map<std::uint32_t, std::int64_t> silent_;  // starts_at of devices that fire
  std::unordered_set<std::uint32_t> dirty_silent_;
  TimerQueue timers_;
  std::vector<std::uint32_t> released_;
};

}  // namespace tocsin
