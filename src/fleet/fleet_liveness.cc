#include "fleet/fleet_liveness.h"

#include <algorithm>
#include <cmath>

namespace tocsin {
namespace {

constexpr double kSuspectAfter = 1.5;  // of a parent's cadence
constexpr std::string_view kSilent = "silent";
constexpr std::string_view kRemoved = "rule_removed";

}  // namespace

FleetLiveness::FleetLiveness(const FleetDirectory& directory, const FleetOptions* options)
    : directory_(&directory),
      options_(options == nullptr ? FleetOptions{} : *options),
      enabled_(options != nullptr) {}

FleetLiveness::~FleetLiveness() = default;

FleetPartition& FleetLiveness::Add(std::int32_t partition) {
  linked_ = false;
  return *(partitions_[partition] = std::make_unique<FleetPartition>(*this));
}

void FleetLiveness::Remove(std::int32_t partition) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  linked_ = false;
  const FleetPartition* const gone = found->second.get();
  for (Parent& parent : parents_) {
    std::erase_if(parent.parked, [gone](const Parked& of) { return of.place.part == gone; });
  }
  partitions_.erase(found);
  for (std::size_t i = 0; i < parents_.size(); ++i) {
    const bool known = std::ranges::any_of(partitions_, [i](const auto& entry) {
      return i < entry.second->parents_.size() && entry.second->parents_[i].known;
    });
    if (!known) Forget(parents_[i]);
  }
}

// What is not known here any more may change elsewhere.
void FleetLiveness::Forget(Parent& parent) {
  parent.starts_at_us = parent.back_us = kNone;
  parent.firing = false;
}

void FleetLiveness::Configure(const FleetDirectory& directory, const FleetOptions* options) {
  directory_ = &directory;
  if (options != nullptr) options_ = *options;
  enabled_ = options != nullptr;
  linked_ = false;
}

std::int64_t FleetLiveness::silent() const {
  std::int64_t count = std::ranges::count_if(parents_, &Parent::firing);
  for (const auto& [number, part] : partitions_) {
    count += static_cast<std::int64_t>(part->silent_.size());
  }
  return count;
}

// --- Who belongs to whom ------------------------------------------------------------------------

FleetLiveness::Index FleetLiveness::ParentOf(std::size_t level, const std::string& name) {
  const auto [found, is_new] = by_name_.try_emplace({level, name}, Index(parents_.size()));
  if (is_new) {
    Parent& parent = parents_.emplace_back();
    parent.level = level;
    parent.name = name;
  }
  return found->second;
}

DeviceLabels FleetLiveness::ParentLabels(std::size_t level, const std::string& name) const {
  DeviceLabels labels;
  const auto found = by_name_.find({level, name});
  Index at = found == by_name_.end() ? kNoParent : found->second;
  for (; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    const Parent& parent = parents_[static_cast<std::size_t>(at)];
    if (parent.level <= options_.levels.size()) {
      labels[options_.levels[parent.level - 1]] = parent.name;
    }
  }
  return labels;
}

// Partitions came or went, or the configuration changed: everything that follows from the devices
// is made anew. What is due already is decided again by the timers.
void FleetLiveness::Link() {
  linked_ = true;
  absent_.clear();
  for (std::size_t i = 0; i < parents_.size(); ++i) ReleaseAll(static_cast<Index>(i));
  for (Parent& parent : parents_) {
    parent.devices.clear();
    parent.held_devices.clear();
    parent.held_parents.clear();
    parent.overdue = 0;
    parent.due_us = kNone;
    parent.last_us = kNone;
    parent.held = false;
  }
  for (const auto& [number, part] : partitions_) {
    part->timers_.Clear();
    for (std::uint32_t code = 0; code < part->devices_.size(); ++code) {
      FleetPartition::Device& device = part->devices_[code];
      device.watched = device.overdue = device.held = false;
      device.parent = kNoParent;
      if (enabled_ && !device.id.empty()) LinkDevice(*part, code);
    }
    for (std::size_t i = 0; i < part->parents_.size(); ++i) {
      parents_[i].last_us = std::max(parents_[i].last_us, part->parents_[i].last_us);
    }
  }
}

void FleetLiveness::LinkDevice(FleetPartition& part, std::uint32_t code) {
  FleetPartition::Device& device = part.devices_[code];
  if (options_.expected_only && !directory_->IsExpected(device.id)) return;
  device.watched = true;
  if (device.last_us == kNone) {
    absent_[std::string(device.id)] = {&part, code};
  } else if (const auto found = absent_.find(std::string(device.id)); found != absent_.end()) {
    if (found->second.part != &part) UnlinkDevice(*found->second.part, found->second.code);
    absent_.erase(std::string(device.id));
  }
  const DeviceLabels& labels = directory_->LabelsOf(device.id);
  Index below = kNoParent;
  for (std::size_t i = 0; i < options_.levels.size(); ++i) {
    const auto label = labels.find(options_.levels[i]);
    if (label == labels.end()) continue;
    const Index at = ParentOf(i + 1, label->second);
    if (below == kNoParent) {
      device.parent = at;
    } else {
      Index& up = parents_[static_cast<std::size_t>(below)].up;
      if (up == kNoParent) up = at;
    }
    below = at;
  }
  for (Index at = device.parent; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    Parent& parent = parents_[static_cast<std::size_t>(at)];
    parent.devices.push_back({&part, code});
    part.PartOf(at).known = true;
    if (device.firing) ++parent.overdue;
  }
  if (device.firing) device.overdue = true;
  if (!device.firing) part.timers_.Schedule(code, part.DueOf(code));
}

void FleetLiveness::UnlinkDevice(FleetPartition& part, std::uint32_t code) {
  FleetPartition::Device& device = part.devices_[code];
  NotOverdue({&part, code});
  for (Index at = device.parent; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    std::erase_if(parents_[static_cast<std::size_t>(at)].devices,
                  [&](const Place& place) { return place.part == &part && place.code == code; });
  }
  part.timers_.Schedule(code, TimerQueue::kNever);
  device.watched = false;
  device.id = {};
}

// --- Parents ------------------------------------------------------------------------------------

float FleetLiveness::CadenceOf(Index parent) const {
  float cadence = 0;
  for (const auto& [number, part] : partitions_) {
    const auto at = static_cast<std::size_t>(parent);
    if (at >= part->parents_.size() || part->parents_[at].cadence_us <= 0) continue;
    const float own = part->parents_[at].cadence_us;
    cadence = cadence == 0 ? own : std::min(cadence, own);
  }
  return cadence;
}

bool FleetLiveness::Suspect(Index parent, std::int64_t at_us) const {
  const Parent& p = parents_[static_cast<std::size_t>(parent)];
  if (!p.counts()) return false;
  if (p.last_us == kNone) return true;
  const double quiet_us = static_cast<double>(at_us) - static_cast<double>(p.last_us);
  return quiet_us > kSuspectAfter * static_cast<double>(CadenceOf(parent));
}

void FleetLiveness::MarkDirty(Index parent) {
  for (const auto& [number, part] : partitions_) {
    FleetPartition::ParentPart& own = part->PartOf(parent);
    if (own.known) own.dirty = true;
  }
}

void FleetLiveness::Overdue(Place place, std::int64_t due_us, FleetSink& sink) {
  FleetPartition::Device& device = place.part->devices_[place.code];
  device.overdue = true;
  Index suspect = kNoParent;
  for (Index at = device.parent; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    Parent& parent = parents_[static_cast<std::size_t>(at)];
    ++parent.overdue;
    parent.due_us = std::max(parent.due_us, due_us);
    if (suspect == kNoParent && Suspect(at, due_us)) suspect = at;
  }
  if (Decide(device.parent, due_us, sink)) return;
  if (suspect == kNoParent) {
    Fire(place, due_us, sink);
    return;
  }
  device.held = true;
  parents_[static_cast<std::size_t>(suspect)].held_devices.push_back(place);
}

// True when a parent speaks for the device: it is silent, or waits for a higher one.
bool FleetLiveness::Decide(Index lowest, std::int64_t due_us, FleetSink& sink) {
  Index top = kNoParent;
  Index suspect = kNoParent;  // the lowest above `top`
  for (Index at = lowest; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    if (parents_[static_cast<std::size_t>(at)].all_overdue()) {
      top = at;
      suspect = kNoParent;
    } else if (top != kNoParent && suspect == kNoParent && Suspect(at, due_us)) {
      suspect = at;
    }
  }
  if (top == kNoParent) return false;
  Parent& parent = parents_[static_cast<std::size_t>(top)];
  if (parent.firing) return true;
  if (suspect != kNoParent) {
    parent.held = true;
    parents_[static_cast<std::size_t>(suspect)].held_parents.push_back(top);
    return true;
  }
  FireParent(top, sink);
  return true;
}

void FleetLiveness::Fire(Place place, std::int64_t due_us, FleetSink& sink) {
  FleetPartition::Device& device = place.part->devices_[place.code];
  device.firing = true;
  device.held = false;
  place.part->silent_[place.code] = due_us;
  place.part->dirty_silent_.insert(place.code);
  sink.OnFleetChange({.rule = "device_silent",
                      .name = device.id,
                      .level = 0,
                      .firing = true,
                      .t_us = due_us,
                      .starts_at_us = due_us,
                      .last_us = device.last_us == kNone ? due_us : device.last_us,
                      .cause = kSilent});
}

void FleetLiveness::FireParent(Index index, FleetSink& sink) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  parent.firing = true;
  parent.held = false;
  parent.starts_at_us = parent.due_us;
  MarkDirty(index);
  const std::string rule = SilenceRuleName(options_, parent.level);
  sink.OnFleetChange({.rule = rule,
                      .name = parent.name,
                      .level = parent.level,
                      .firing = true,
                      .t_us = parent.starts_at_us,
                      .starts_at_us = parent.starts_at_us,
                      .last_us = parent.last_us == kNone ? parent.starts_at_us : parent.last_us,
                      .cause = kSilent});
}

void FleetLiveness::Resolve(Index index, std::int64_t t_us, std::string_view cause,
                            FleetSink& sink) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  parent.firing = false;
  MarkDirty(index);
  // The levels may have changed since it fired.
  const std::string rule = parent.level <= options_.levels.size()
                               ? SilenceRuleName(options_, parent.level)
                               : "parent_silent";
  sink.OnFleetChange({.rule = rule,
                      .name = parent.name,
                      .level = parent.level,
                      .firing = false,
                      .t_us = std::max(t_us, parent.starts_at_us),
                      .starts_at_us = parent.starts_at_us,
                      .last_us = parent.starts_at_us,
                      .cause = cause});
}

// --- Returning ----------------------------------------------------------------------------------

void FleetLiveness::NotOverdue(Place place) {
  FleetPartition::Device& device = place.part->devices_[place.code];
  if (!device.overdue) return;
  device.overdue = device.held = false;
  for (Index at = device.parent; at != kNoParent; at = parents_[static_cast<std::size_t>(at)].up) {
    Parent& parent = parents_[static_cast<std::size_t>(at)];
    --parent.overdue;
    parent.held = false;
  }
}

// An event of one of its devices, `gap_us` after the last one.
void FleetLiveness::Returned(Index index, std::int64_t gap_us, std::int64_t t_us, FleetSink& sink) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  if (parent.firing) {
    Resolve(index, t_us, "", sink);
    parent.back_us = t_us;
    StartAgain(index);
  } else if (!parent.held_devices.empty()) {
    ReleaseHeld(index, gap_us, t_us, sink);
  }
  for (const Index below : std::exchange(parent.held_parents, {})) {
    const Parent& lower = parents_[static_cast<std::size_t>(below)];
    if (!lower.held || !lower.all_overdue()) continue;
    if (Suspect(index, lower.due_us)) {
      parent.held_parents.push_back(below);
    } else {
      FireParent(below, sink);
    }
  }
  Release(index);
}

// Every device that is not silent by itself has its whole time again.
void FleetLiveness::StartAgain(Index index) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  MarkDirty(index);
  parent.held_devices.clear();
  for (const Place& place : parent.devices) {
    if (place.part->devices_[place.code].firing) continue;
    NotOverdue(place);
    place.part->timers_.Schedule(place.code, place.part->DueOf(place.code));
  }
}

// The event says nothing of a later time: another partition may be ahead of it.
void FleetLiveness::ReleaseHeld(Index index, std::int64_t gap_us, std::int64_t t_us,
                                FleetSink& sink) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  std::erase_if(parent.held_devices,
                [](const Place& place) { return !place.part->devices_[place.code].held; });
  const auto waits = std::ranges::stable_partition(parent.held_devices, [&](const Place& place) {
    return !Suspect(index, place.part->DueOf(place.code));
  });
  const std::vector<Place> free(parent.held_devices.begin(), waits.begin());
  parent.held_devices.erase(parent.held_devices.begin(), waits.begin());
  const auto long_gap = [&](const Place& place) {
    const float cadence = place.part->devices_[place.code].cadence_us;
    return options_.SilentAfterUs(cadence) <= 2 * gap_us;
  };
  // The parent was away for so long that its devices may be about to return.
  if (std::ranges::any_of(free, long_gap)) {
    parent.back_us = t_us;
    StartAgain(index);
    return;
  }
  for (const Place& place : free) {
    if (place.part->devices_[place.code].held) Fire(place, place.part->DueOf(place.code), sink);
  }
}

void FleetLiveness::Release(Index index) {
  Parent& parent = parents_[static_cast<std::size_t>(index)];
  if (parent.parked.empty()) return;
  std::erase_if(parent.parked, [&](const Parked& parked) {
    if (Suspect(index, parked.due_us)) return false;
    parked.place.part->released_.push_back(parked.place.code);
    return true;
  });
}

void FleetLiveness::ReleaseAll(Index index) {
  for (const Parked& parked : std::exchange(parents_[static_cast<std::size_t>(index)].parked, {})) {
    parked.place.part->released_.push_back(parked.place.code);
  }
}

// Nothing is watched any more.
void FleetLiveness::CloseAll(FleetSink& sink) {
  for (std::size_t i = 0; i < parents_.size(); ++i) {
    const auto index = static_cast<Index>(i);
    if (parents_[i].firing) Resolve(index, parents_[i].starts_at_us, kRemoved, sink);
    ReleaseAll(index);
  }
  for (const auto& [number, part] : partitions_) {
    std::vector<std::uint32_t> codes;
    for (const auto& [code, starts_at] : part->silent_) codes.push_back(code);
    std::ranges::sort(codes, {}, [&](std::uint32_t code) { return part->devices_[code].id; });
    for (const std::uint32_t code : codes) {
      FleetPartition::Device& device = part->devices_[code];
      const std::int64_t starts_at = part->silent_[code];
      device.firing = false;
      part->silent_.erase(code);
      part->dirty_silent_.insert(code);
      sink.OnFleetChange({.rule = "device_silent",
                          .name = device.id,
                          .level = 0,
                          .firing = false,
                          .t_us = starts_at,
                          .starts_at_us = starts_at,
                          .last_us = starts_at,
                          .cause = kRemoved});
    }
  }
}

}  // namespace tocsin
