#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "fleet/fleet_liveness.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;
constexpr char kSilentPrefix = 's';
constexpr char kParentPrefix = 'p';
constexpr char kStartPrefix = 'e';
constexpr std::string_view kStartKey = "expected";
constexpr std::size_t kParentSize = 1 + 1 + 3 * 8 + 4;

constexpr float kWeight = 0.125F;  // of the newest gap in a cadence
// A gap counts for at most so many cadences of a device: an outage is no cadence.
constexpr float kMaxGap = 4;

float Learn(float cadence_us, std::int64_t gap_us, float max_gaps) {
  auto gap = static_cast<float>(gap_us);
  if (cadence_us <= 0) return gap;
  if (max_gaps > 0) gap = std::min(gap, max_gaps * cadence_us);
  return cadence_us + kWeight * (gap - cadence_us);
}

}  // namespace

FleetPartition::Device& FleetPartition::DeviceAt(std::uint32_t code, std::string_view device_id) {
  if (code >= devices_.size()) devices_.resize(code + 1);
  if (devices_[code].id.empty()) devices_[code].id = device_id;
  return devices_[code];
}

FleetPartition::ParentPart& FleetPartition::PartOf(FleetLiveness::Index parent) {
  const auto index = static_cast<std::size_t>(parent);
  if (index >= parents_.size()) parents_.resize(index + 1);
  return parents_[index];
}

// The later of the device's last event and its parents' return, and then the time it may be quiet.
std::int64_t FleetPartition::DueOf(std::uint32_t code) const {
  const Device& device = devices_[code];
  std::int64_t base_us = device.last_us == FleetLiveness::kNone ? start_us_ : device.last_us;
  if (base_us == FleetLiveness::kNone) return TimerQueue::kNever;
  for (auto at = device.parent; at != FleetLiveness::kNoParent;
       at = fleet_.parents_[static_cast<std::size_t>(at)].up) {
    base_us = std::max(base_us, fleet_.parents_[static_cast<std::size_t>(at)].back_us);
  }
  return base_us + fleet_.options_.SilentAfterUs(device.cadence_us);
}

void FleetPartition::Expect(std::uint32_t code, std::string_view device_id) {
  if (code < devices_.size() && !devices_[code].id.empty()) return;
  DeviceAt(code, device_id);
  fleet_.linked_ = false;
}

void FleetPartition::Start(std::int64_t time_us) {
  if (start_us_ != FleetLiveness::kNone) return;
  start_us_ = time_us;
  start_dirty_ = true;
  for (std::uint32_t code = 0; code < devices_.size(); ++code) {
    if (devices_[code].watched && !devices_[code].overdue) timers_.ScheduleBy(code, DueOf(code));
  }
}

// --- Events -------------------------------------------------------------------------------------

bool FleetPartition::WillChange(std::uint32_t code) {
  if (!enabled()) return false;
  if (!fleet_.linked_) fleet_.Link();
  if (code >= devices_.size() || devices_[code].last_us == FleetLiveness::kNone) {
    return true;  // seldom enough
  }
  if (devices_[code].firing) return true;
  for (auto at = devices_[code].parent; at != FleetLiveness::kNoParent;
       at = fleet_.parents_[static_cast<std::size_t>(at)].up) {
    const auto& parent = fleet_.parents_[static_cast<std::size_t>(at)];
    if (parent.firing || !parent.held_devices.empty() || !parent.held_parents.empty()) {
      return true;
    }
    if (parent.held) return true;
  }
  return false;
}

void FleetPartition::OnEvent(std::uint32_t code, std::string_view device_id, std::int64_t t_us,
                             FleetSink& sink) {
  if (!enabled()) return;
  if (!fleet_.linked_) fleet_.Link();
  Start(t_us);
  Device& device = DeviceAt(code, device_id);
  const bool first = device.last_us == FleetLiveness::kNone;
  if (!first && t_us > device.last_us) {
    device.cadence_us = Learn(device.cadence_us, t_us - device.last_us, kMaxGap);
  }
  device.last_us = std::max(device.last_us, t_us);
  if (first && !device.watched) fleet_.LinkDevice(*this, code);
  if (first) fleet_.absent_.erase(std::string(device_id));
  if (!device.watched) return;
  if (device.firing) {
    device.firing = false;
    const std::int64_t starts_at = silent_[code];
    silent_.erase(code);
    dirty_silent_.insert(code);
    sink.OnFleetChange({.rule = "device_silent",
                        .name = device.id,
                        .level = 0,
                        .firing = false,
                        .t_us = std::max(t_us, starts_at),
                        .starts_at_us = starts_at,
                        .last_us = starts_at,
                        .cause = ""});
  }
  fleet_.NotOverdue({this, code});
  for (auto at = device.parent; at != FleetLiveness::kNoParent;) {
    FleetLiveness::Parent& parent = fleet_.parents_[static_cast<std::size_t>(at)];
    ParentPart& part = PartOf(at);
    const std::int64_t gap_us = parent.last_us == FleetLiveness::kNone
                                    ? 0
                                    : std::max<std::int64_t>(0, t_us - parent.last_us);
    if (part.last_us != FleetLiveness::kNone) {
      part.cadence_us = Learn(part.cadence_us, std::max<std::int64_t>(0, t_us - part.last_us), 0);
    }
    part.last_us = std::max(part.last_us, t_us);
    part.dirty = true;
    parent.last_us = std::max(parent.last_us, t_us);
    fleet_.Returned(at, gap_us, t_us, sink);
    at = parent.up;
  }
  timers_.ScheduleBy(code, DueOf(code));
}

// --- Time ---------------------------------------------------------------------------------------

std::int64_t FleetPartition::NextDueUs() {
  if (!fleet_.linked_) fleet_.Link();
  if (!enabled()) return fleet_.silent() > 0 ? FleetLiveness::kNone : TimerQueue::kNever;
  return timers_.NextDueUs();
}

void FleetPartition::Advance(std::int64_t time_us, FleetSink& sink) {
  if (!fleet_.linked_) fleet_.Link();
  if (!enabled()) {
    fleet_.CloseAll(sink);
    return;
  }
  Start(time_us);
  std::vector<std::uint32_t> codes;
  while (timers_.NextDueUs() <= time_us) {
    const std::int64_t due_us = timers_.NextDueUs();
    codes.clear();
    while (timers_.NextDueUs() == due_us) codes.push_back(timers_.Pop());
    std::ranges::sort(codes, {}, [this](std::uint32_t code) { return devices_[code].id; });
    for (const std::uint32_t code : codes) {
      if (!devices_[code].watched || devices_[code].overdue) continue;
      const std::int64_t actual_us = DueOf(code);
      if (actual_us > due_us) {
        timers_.Schedule(code, actual_us);
      } else {
        fleet_.Overdue({this, code}, due_us, sink);
      }
    }
  }
}

std::int64_t FleetPartition::AllowedFrom(std::uint32_t code, std::int64_t due_us) {
  if (!enabled() || code >= devices_.size()) return due_us;
  if (!fleet_.linked_) fleet_.Link();
  const Device& device = devices_[code];
  std::int64_t from_us = due_us;
  for (auto at = device.parent; at != FleetLiveness::kNoParent;
       at = fleet_.parents_[static_cast<std::size_t>(at)].up) {
    auto& parent = fleet_.parents_[static_cast<std::size_t>(at)];
    if (parent.firing || fleet_.Suspect(at, due_us)) {
      parent.parked.push_back({{this, code}, due_us});
      return TimerQueue::kNever;
    }
    if (parent.back_us > device.last_us) from_us = std::max(from_us, DueOf(code));
  }
  return from_us;
}

// --- Keyed state --------------------------------------------------------------------------------

bool FleetPartition::Owns(std::string_view key) {
  return key.size() > 1 &&
         (key[0] == kSilentPrefix || key[0] == kParentPrefix || key[0] == kStartPrefix);
}

bool FleetPartition::Restore(std::string_view key, std::string_view value, const CodeOf& code_of) {
  if (value.empty() || value[0] != kVersion) return false;
  fleet_.linked_ = false;
  if (key[0] == kParentPrefix) return RestoreParent(key, value);
  if (key[0] == kStartPrefix) {
    if (value.size() != 9) return false;
    start_us_ = GetFixed<std::int64_t>(value.data() + 1);
    return true;
  }
  std::string_view device_id = key.substr(1);
  const std::uint32_t code = code_of(device_id);
  return RestoreSilent(code, device_id, value);
}

bool FleetPartition::RestoreSilent(std::uint32_t code, std::string_view device_id,
                                   std::string_view value) {
  if (value.size() < 9) return false;
  DeviceAt(code, device_id).firing = true;
  silent_[code] = GetFixed<std::int64_t>(value.data() + 1);
  return true;
}

void FleetPartition::RestoreDevice(std::uint32_t code, std::string_view device_id,
                                   std::int64_t last_us, float cadence_us) {
  Device& device = DeviceAt(code, device_id);
  device.last_us = last_us;
  device.cadence_us = cadence_us;
  fleet_.linked_ = false;
}

bool FleetPartition::RestoreParent(std::string_view key, std::string_view value) {
  if (key.size() < 3 || value.size() != kParentSize) return false;
  const auto index = fleet_.ParentOf(static_cast<std::size_t>(key[1]), std::string(key.substr(2)));
  FleetLiveness::Parent& parent = fleet_.parents_[static_cast<std::size_t>(index)];
  const char* at = value.data() + 2;
  const auto starts_at_us = GetFixed<std::int64_t>(at);
  const auto back_us = GetFixed<std::int64_t>(at + 8);
  // The partitions say the same unless one was elsewhere for a while: the newest counts.
  if (std::max(starts_at_us, back_us) >= std::max(parent.starts_at_us, parent.back_us)) {
    parent.starts_at_us = starts_at_us;
    parent.back_us = back_us;
    parent.firing = value[1] != 0;
  }
  ParentPart& part = PartOf(index);
  part.last_us = GetFixed<std::int64_t>(at + 16);
  part.cadence_us = GetFixed<float>(at + 24);
  part.known = true;
  return true;
}

void FleetPartition::Flush(bool everything, const Put& put) {
  std::string key, value;
  if (start_us_ != FleetLiveness::kNone && (everything || start_dirty_)) {
    value.assign(1, kVersion);
    PutFixed(value, start_us_);
    put(std::string(1, kStartPrefix).append(kStartKey), value);
  }
  start_dirty_ = false;
  if (everything) {
    for (const auto& [code, starts_at] : silent_) dirty_silent_.insert(code);
  }
  for (const std::uint32_t code : dirty_silent_) {
    const auto found = silent_.find(code);
    if (everything && found == silent_.end()) continue;
    value.clear();
    if (found != silent_.end()) {
      value.assign(1, kVersion);
      PutFixed(value, found->second);
    }
    put(std::string(1, kSilentPrefix).append(devices_[code].id), value);
  }
  dirty_silent_.clear();
  for (std::size_t i = 0; i < parents_.size(); ++i) {
    ParentPart& part = parents_[i];
    if (!part.known || !(everything || part.dirty)) continue;
    part.dirty = false;
    const FleetLiveness::Parent& parent = fleet_.parents_[i];
    key.assign(1, kParentPrefix).append(1, static_cast<char>(parent.level)).append(parent.name);
    value.assign(1, kVersion).append(1, parent.firing ? '\1' : '\0');
    PutFixed(value, parent.starts_at_us);
    PutFixed(value, parent.back_us);
    PutFixed(value, part.last_us);
    PutFixed(value, part.cadence_us);
    put(key, value);
  }
}

}  // namespace tocsin
