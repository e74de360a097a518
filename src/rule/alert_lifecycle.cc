#include "rule/alert_lifecycle.h"

#include <limits>

namespace tocsin {
namespace {

void CountEvent(AlertInstance& instance) {
  if (instance.event_count < std::numeric_limits<std::uint32_t>::max()) ++instance.event_count;
}

AlertTransition Fire(AlertInstance& instance, const Observation& observation) {
  const bool again = instance.episode > 0 && instance.starts_at_us == observation.t_us;
  instance.episode = again ? instance.episode + 1 : 1;
  instance.phase = AlertPhase::kFiring;
  instance.starts_at_us = observation.t_us;
  instance.level = observation.level;
  return AlertTransition::kFiring;
}

AlertTransition FireWhenDue(AlertInstance& instance, const AlertTiming& timing,
                            const Observation& observation) {
  if (observation.t_us - instance.active_at_us >= timing.for_us) return Fire(instance, observation);
  instance.phase = AlertPhase::kPending;
  return AlertTransition::kNone;
}

// Inactive or pending.
AlertTransition BeforeFiring(AlertInstance& instance, const AlertTiming& timing,
                             const Observation& observation) {
  if (observation.level == 0) {
    instance.phase = AlertPhase::kInactive;
    return AlertTransition::kNone;
  }
  if (instance.phase == AlertPhase::kInactive) {
    instance.active_at_us = observation.t_us;
    instance.active_offset = observation.is_event ? observation.offset : -1;
    instance.event_count = 0;
  }
  if (observation.is_event) CountEvent(instance);
  return FireWhenDue(instance, timing, observation);
}

// The condition holds on, perhaps at another level.
AlertTransition GoOn(AlertInstance& instance, const Observation& observation) {
  instance.phase = AlertPhase::kFiring;
  if (observation.level == instance.level) return AlertTransition::kNone;
  instance.level = observation.level;
  return AlertTransition::kLevel;
}

AlertTransition Recover(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us) {
  if (instance.phase == AlertPhase::kFiring) {
    instance.phase = AlertPhase::kRecovering;
    instance.recovering_at_us = t_us;
  }
  if (t_us - instance.recovering_at_us < timing.keep_firing_for_us) return AlertTransition::kNone;
  ResolveNow(instance);
  return AlertTransition::kResolved;
}

}  // namespace

AlertTransition Advance(AlertInstance& instance, const AlertTiming& timing,
                        const Observation& observation) {
  if (observation.is_event) instance.no_data = false;
  if (instance.phase == AlertPhase::kInactive || instance.phase == AlertPhase::kPending) {
    return BeforeFiring(instance, timing, observation);
  }
  if (observation.is_event && observation.level != 0) CountEvent(instance);
  const bool ends = timing.has_clear ? observation.clear : observation.level == 0;
  if (!ends && observation.level != 0) return GoOn(instance, observation);
  // Between the condition and its clear expression a firing instance stays as it is, and a
  // recovering one goes on recovering.
  if (!ends && instance.phase == AlertPhase::kFiring) return AlertTransition::kNone;
  return Recover(instance, timing, observation.t_us);
}

void ResolveNow(AlertInstance& instance) {
  instance.phase = AlertPhase::kInactive;
  instance.no_data = false;
}

bool IsForgettable(const AlertInstance& instance, const FlapGuard& flap, std::int64_t t_us) {
  if (instance.phase != AlertPhase::kInactive) return false;
  if (instance.episode != 0 && instance.starts_at_us >= t_us) return false;
  return flap.window_us == 0 || flap.max_transitions == 0 || instance.transitions == 0 ||
         t_us - instance.flap_since_us >= flap.window_us;
}

bool CountTransition(AlertInstance& instance, const FlapGuard& flap, std::int64_t t_us) {
  if (flap.window_us == 0 || flap.max_transitions == 0) return false;
  if (instance.transitions == 0 || t_us - instance.flap_since_us >= flap.window_us) {
    instance.transitions = 0;
    instance.flap_since_us = t_us;
  }
  if (instance.transitions == std::numeric_limits<std::uint32_t>::max()) return false;
  ++instance.transitions;
  return instance.transitions - 1 == flap.max_transitions;
}

}  // namespace tocsin
