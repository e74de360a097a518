#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "process/partition_state.h"
#include "rule/rule_set.h"

namespace tocsin {

// Which rules change though no event comes, and when: those with a time-driven function and those
// with no_data.
class RuleTimers {
 public:
  RuleTimers() = default;
  // `rules` must outlive it.
  explicit RuleTimers(const RuleSet& rules);

  bool any() const { return !timed_.empty(); }
  const std::vector<std::size_t>& rules() const { return timed_; }  // in rule order
  // `absent` or `window_closed`: what moved a rule on by the clock.
  std::string_view CauseOf(std::size_t rule) const;
  // The first time after the device's last evaluation at which one of them may change;
  // TimerQueue::kNever when none can.
  std::int64_t NextDue(PartitionState& state, std::uint32_t code) const;
  // A time that no change caused by an event at `t_us` comes before.
  std::int64_t Earliest(std::int64_t t_us) const;

 private:
  void NoteDelays(const Node& node);
  void NoteDelay(std::int64_t delay_us) {
    if (delay_us > 0) delay_us_ = std::min(delay_us_, delay_us);
  }
  const RuleSet* rules_ = nullptr;
  std::vector<std::size_t> timed_;
  std::vector<std::uint8_t> has_absent_;   // by rule
  std::int64_t delay_us_ = INT64_MAX;      // the shortest delay of any of them
  std::vector<std::int64_t> tumbling_us_;  // widths of windows that close at their multiples
};

}  // namespace tocsin
