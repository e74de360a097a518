#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "route/inhibition.h"
#include "route/route_config.h"

namespace tocsin {

struct AlertGroup;

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// critical 4, error 3, warning 2, info 1, any other 0: the order of alerts in a message.
int SeverityRank(std::string_view severity);

// An alert that fires, or resolved and is not told everywhere yet. The record stays text until a
// message needs it: a million are held.
struct HeldAlert {
  std::string fingerprint;
  std::string json;
  std::string id;
  std::string rule;
  std::string severity;
  std::string device_id;
  bool firing = true;
  std::int64_t starts_at_us = 0;
  std::int64_t time_us = 0;
  std::int64_t changed_us = 0;  // arrival of the record
  std::vector<AlertGroup*> groups;
  Inhibition::Marks marks;

  // In a message: firing first, then by severity, then the oldest first.
  std::tuple<bool, int, std::int64_t, std::string_view> Order(bool as_firing) const {
    return {!as_firing, -SeverityRank(severity), starts_at_us, fingerprint};
  }
};

enum class Told : std::uint8_t { kNothing, kFiring, kResolved };

// An alert in a group: what the group's receiver knows of it.
struct Member {
  HeldAlert* alert = nullptr;
  Told told = Told::kNothing;
  std::string told_severity;
  bool left = false;               // its labels lead elsewhere now: here it counts as resolved
  std::int64_t hold_until_us = 0;  // flapping: until then one notification says so, no more follow
  bool flapping_told = false;

  bool firing() const { return alert->firing && !left; }
  bool holds(std::int64_t now_us) const { return hold_until_us > now_us; }
};

// The alerts of one route with the same group labels.
struct AlertGroup {
  std::string key;
  const Route* route = nullptr;
  bool send_resolved = true;  // some channel of the receiver wants to know
  LabelMap labels;
  std::map<std::string_view, Member> members;  // by fingerprint
  bool flushed = false;
  std::int64_t anchor_us = 0;     // the first flush: others are at whole intervals from it
  std::int64_t next_us = kNever;  // the next flush
  std::int64_t sent_us = 0;       // the last notification; 0 = none
  std::uint64_t flush = 0;

  // Something its receiver ought to hear about this member.
  bool Pending(const Member& member, std::int64_t now_us) const {
    const bool firing = member.firing();
    if (member.holds(now_us)) {
      return !member.flapping_told && (firing || member.told != Told::kNothing);
    }
    if (firing) {
      return member.told != Told::kFiring || member.told_severity != member.alert->severity;
    }
    if (!send_resolved || member.told == Told::kResolved) return false;
    return member.told == Told::kFiring || sent_us != 0;
  }

  // The first time a flush may be at or after t.
  std::int64_t TickAtOrAfter(std::int64_t t) const {
    const std::int64_t interval = route->group_interval_us;
    if (interval <= 0) return t;
    const std::int64_t gone = std::max<std::int64_t>(t - anchor_us, 0);
    return anchor_us + (gone + interval - 1) / interval * interval;
  }
};

}  // namespace tocsin
