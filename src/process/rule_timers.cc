#include "process/rule_timers.h"

#include <algorithm>

#include "fleet/timer_queue.h"

namespace tocsin {
namespace {

bool CallsAbsent(const Node& node) {
  if (node.kind == Node::Kind::kCall && node.function != nullptr &&
      node.function->name == "absent") {
    return true;
  }
  return std::ranges::any_of(node.children, [](const auto& child) { return CallsAbsent(*child); });
}

bool UsesNoData(const RuleDefinition& rule) {
  return rule.no_data.after_us > 0 && rule.no_data.state != NoData::State::kKeep;
}

}  // namespace

RuleTimers::RuleTimers(const RuleSet& rules) : rules_(&rules), has_absent_(rules.size(), 0) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const RuleDefinition& rule = rules.rule(i);
    if (rules.time_driven(i) || UsesNoData(rule)) timed_.push_back(i);
    if (UsesNoData(rule)) NoteDelay(rule.no_data.after_us);
    if (rules.time_driven(i)) {
      NoteDelay(rule.for_us);
      NoteDelay(rule.keep_firing_for_us);
      if (rule.clear != nullptr) NoteDelays(*rule.clear);
    }
    for (const RuleLevel& level : rule.levels) {
      if (rules.time_driven(i) && level.condition != nullptr) NoteDelays(*level.condition);
      if (level.condition != nullptr && CallsAbsent(*level.condition)) has_absent_[i] = 1;
    }
  }
}

void RuleTimers::NoteDelays(const Node& node) {
  if (node.kind == Node::Kind::kCall && node.function != nullptr && node.function->time_driven) {
    const bool tumbling = node.function->name.starts_with("tumbling_");
    if (tumbling && node.call.window_us > 0) {
      tumbling_us_.push_back(node.call.window_us);
    } else {
      NoteDelay(std::max<std::int64_t>(1, node.call.window_us));
    }
  }
  for (const auto& child : node.children) NoteDelays(*child);
}

std::int64_t RuleTimers::Earliest(std::int64_t t_us) const {
  std::int64_t earliest_us = t_us > INT64_MAX - delay_us_ ? INT64_MAX : t_us + delay_us_;
  for (const std::int64_t width_us : tumbling_us_) {
    const std::int64_t into_us = ((t_us % width_us) + width_us) % width_us;
    earliest_us = std::min(earliest_us, t_us - into_us + width_us);
  }
  return earliest_us;
}

std::string_view RuleTimers::CauseOf(std::size_t rule) const {
  return has_absent_[rule] != 0 ? "absent" : "window_closed";
}

std::int64_t RuleTimers::NextDue(PartitionState& state, std::uint32_t code) const {
  const std::int64_t after_us = state.evaluated_us(code);
  std::int64_t due_us = TimerQueue::kNever;
  const auto at = [&](std::int64_t time_us) {
    if (time_us > after_us) due_us = std::min(due_us, time_us);
  };
  if (rules_->time_driven()) at(state.memory().NextChange(code, after_us));
  for (const std::size_t rule : timed_) {
    const RuleDefinition& definition = rules_->rule(rule);
    const AlertInstance* const instance = state.FindInstance(code, rule);
    const AlertPhase phase = instance == nullptr ? AlertPhase::kInactive : instance->phase;
    if (rules_->time_driven(rule)) {
      if (phase == AlertPhase::kPending) at(instance->active_at_us + definition.for_us);
      if (phase == AlertPhase::kRecovering) {
        at(instance->recovering_at_us + definition.keep_firing_for_us);
      }
    }
    if (!UsesNoData(definition)) continue;
    const bool fires = phase >= AlertPhase::kFiring;
    if (fires == (definition.no_data.state == NoData::State::kResolve)) {
      at(state.clock_us(code) + definition.no_data.after_us);
    }
  }
  return due_us;
}

}  // namespace tocsin
