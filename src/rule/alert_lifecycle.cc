#include "rule/alert_lifecycle.h"

namespace tocsin {
namespace {

AlertTransition Fire(AlertInstance& instance, std::int64_t t_us) {
  const bool again = instance.episode > 0 && instance.starts_at_us == t_us;
  instance.episode = again ? instance.episode + 1 : 1;
  instance.phase = AlertPhase::kFiring;
  instance.starts_at_us = t_us;
  return AlertTransition::kFiring;
}

AlertTransition Resolve(AlertInstance& instance) {
  instance.phase = AlertPhase::kInactive;
  return AlertTransition::kResolved;
}

AlertTransition FireWhenDue(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us) {
  if (t_us - instance.active_at_us >= timing.for_us) return Fire(instance, t_us);
  instance.phase = AlertPhase::kPending;
  return AlertTransition::kNone;
}

AlertTransition OnTrue(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us) {
  if (instance.phase == AlertPhase::kInactive) {
    instance.active_at_us = t_us;
    instance.event_count = 0;
  }
  ++instance.event_count;
  if (instance.phase == AlertPhase::kInactive || instance.phase == AlertPhase::kPending) {
    return FireWhenDue(instance, timing, t_us);
  }
  instance.phase = AlertPhase::kFiring;
  return AlertTransition::kNone;
}

AlertTransition OnNotTrue(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us) {
  switch (instance.phase) {
    case AlertPhase::kInactive:
      break;
    case AlertPhase::kPending:
      instance.phase = AlertPhase::kInactive;
      break;
    case AlertPhase::kFiring:
      if (timing.keep_firing_for_us == 0) return Resolve(instance);
      instance.phase = AlertPhase::kRecovering;
      instance.recovering_at_us = t_us;
      break;
    case AlertPhase::kRecovering:
      if (t_us - instance.recovering_at_us >= timing.keep_firing_for_us) return Resolve(instance);
      break;
  }
  return AlertTransition::kNone;
}

}  // namespace

AlertTransition Advance(AlertInstance& instance, const AlertTiming& timing, std::int64_t t_us,
                        bool condition) {
  return condition ? OnTrue(instance, timing, t_us) : OnNotTrue(instance, timing, t_us);
}

bool IsForgettable(const AlertInstance& instance, std::int64_t t_us) {
  return instance.phase == AlertPhase::kInactive &&
         (instance.episode == 0 || instance.starts_at_us != t_us);
}

}  // namespace tocsin
