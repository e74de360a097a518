#pragma once

#include <cstdint>

namespace tocsin {

// How long a condition must hold before its alert fires, and how long the alert goes on after the
// condition ended. Event time in microseconds; 0 = at once.
struct AlertTiming {
  std::int64_t for_us = 0;
  std::int64_t keep_firing_for_us = 0;
};

enum class AlertPhase : std::uint8_t { kInactive, kPending, kFiring, kRecovering };

enum class AlertTransition : std::uint8_t { kNone, kFiring, kResolved };

// One alert instance: a rule at a device. All times are event times of the device in microseconds.
//
//   inactive → pending → firing ⇄ recovering → inactive (= resolved)
//
// Only events in order reach it: `t` never falls from call to call.
struct AlertInstance {
  AlertPhase phase = AlertPhase::kInactive;
  std::uint32_t episode = 0;          // 1 for the first with this starts_at, then 2 …; 0 = none yet
  std::int64_t active_at_us = 0;      // of the event that started pending
  std::int64_t starts_at_us = 0;      // of the event that made it firing; kept after it resolved
  std::int64_t recovering_at_us = 0;  // of the event that started recovering
  std::uint64_t event_count = 0;      // events with a true condition from active_at on

  bool operator==(const AlertInstance&) const = default;
};

// Takes in the rule's condition at an event of time `t_us`. After kResolved the instance still
// tells the episode that ended: active_at, starts_at, event_count; `t_us` is its ends_at.
AlertTransition Advance(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us,
                        bool condition);

// True when the instance says nothing that a new one would not at events from `t_us` on: it is
// inactive and no further episode can have its starts_at.
bool IsForgettable(const AlertInstance& instance, std::int64_t t_us);

}  // namespace tocsin
