#pragma once

#include <cstdint>

#include "rule_file/rule_definition.h"

namespace tocsin {

// How long a condition must hold before its alert fires, and how long the alert goes on after the
// condition ended. Event time in microseconds; 0 = at once.
struct AlertTiming {
  std::int64_t for_us = 0;
  std::int64_t keep_firing_for_us = 0;
  bool has_clear = false;  // the rule has a clear expression
};

enum class AlertPhase : std::uint8_t { kInactive, kPending, kFiring, kRecovering };

// kLevel: still firing, with another severity.
enum class AlertTransition : std::uint8_t { kNone, kFiring, kResolved, kLevel };

// One alert instance: a rule at a device. All times are event times of the device in microseconds.
//
//   inactive → pending → firing ⇄ recovering → inactive (= resolved)
//
// Only events in order (and time-driven evaluations not before the device's clock) reach it: `t`
// never falls from call to call. At most 64 bytes: there is one for every active (rule, device).
struct AlertInstance {
  AlertPhase phase = AlertPhase::kInactive;
  std::uint8_t level = 0;             // of the record written last; position in levels + 1
  bool no_data = false;               // the device is silent beyond no_data.after
  std::uint32_t episode = 0;          // 1 for the first with this starts_at, then 2 …; 0 = none yet
  std::int64_t active_at_us = 0;      // of the event that started pending
  std::int64_t starts_at_us = 0;      // of the event that made it firing; kept after it resolved
  std::int64_t recovering_at_us = 0;  // of the event that started recovering
  std::int64_t active_offset = -1;    // log offset of the event that started pending; -1 = a timer
  std::uint32_t event_count = 0;      // events with a true condition from active_at on
  std::uint32_t transitions = 0;      // firing and resolved records since flap_since (flap guard)
  std::int64_t flap_since_us = 0;

  bool operator==(const AlertInstance&) const = default;
};
static_assert(sizeof(AlertInstance) <= 64);

// What an evaluation says.
struct Observation {
  std::int64_t t_us = 0;
  std::uint8_t level = 0;  // 0 = the condition is not true
  bool clear = false;      // the clear expression is true
  bool is_event = true;    // false for a time-driven evaluation: does not count in event_count
  std::int64_t offset = -1;
};

// Takes in one evaluation. An event ends no_data. Where the rule has a clear expression, that alone
// ends the alert: it resolves (or starts recovering) where it is true, even if the condition is
// true there too; while neither is true, the instance stays as it is at its level. After kResolved
// the instance still tells the episode that ended: active_at, starts_at, event_count, level; `t_us`
// is its ends_at.
AlertTransition Advance(AlertInstance& instance, const AlertTiming& timing,
                        const Observation& observation);

// Resolves an instance that fires or recovers; inactive afterwards.
void ResolveNow(AlertInstance& instance);

// True when the instance says nothing that a new one would not at events from `t_us` on: it is
// inactive, no further episode can have its starts_at, and no flap window is open.
bool IsForgettable(const AlertInstance& instance, const FlapGuard& flap, std::int64_t t_us);

// To be called at each firing or resolved record. True when this one makes the instance flap: more
// than max_transitions within the window, said once a window.
bool CountTransition(AlertInstance& instance, const FlapGuard& flap, std::int64_t t_us);

}  // namespace tocsin
