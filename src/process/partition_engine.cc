#include "process/partition_engine.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "process/rule_timers.h"

namespace tocsin {
namespace {

constexpr std::int64_t kNever = TimerQueue::kNever;

AlertTiming TimingOf(const RuleDefinition& rule) {
  return {.for_us = rule.for_us,
          .keep_firing_for_us = rule.keep_firing_for_us,
          .has_clear = rule.clear != nullptr};
}

bool Fires(const AlertInstance& instance) {
  return instance.phase == AlertPhase::kFiring || instance.phase == AlertPhase::kRecovering;
}

}  // namespace

class PartitionEngine::Parts final : public FleetSink {
 public:
  Parts(const RuleSet& rules, Options options, FleetPartition* fleet)
      : options_(options), fleet_(fleet), state_(rules, options.dedup_window_us, fleet) {
    UseRules(rules);
  }

  void UseRules(const RuleSet& rules);
  void Process(const EventBatch& batch, std::int64_t latest_us,
               std::span<const std::int64_t> offsets, Sink& sink);
  void AdvanceTime(std::int64_t time_us, Sink& sink);
  std::int64_t NextDueUs();
  bool ResolveOrphans(Sink& sink);
  void FinishRestore();
  void ScheduleAll();
  void OnFleetChange(const FleetChange& change) override { sink_->OnFleetChange(change, row_); }

  const Options options_;
  FleetPartition* const fleet_;
  PartitionState state_;
  const RuleSet* rules_ = nullptr;
  std::size_t words_ = 1;
  std::int64_t firing_ = 0;
  std::int64_t largest_us_ = std::numeric_limits<std::int64_t>::min();
  std::int64_t time_limit_us_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t TimersUpTo() const { return std::min(largest_us_, time_limit_us_); }
  std::vector<RowVerdict> verdicts_;
  std::vector<std::uint64_t> conditions_;        // words_ for each row of the batch
  std::vector<PartitionEngine::FirstHit> hits_;  // by row of the batch, without lifecycle
  std::vector<std::pair<std::size_t, std::int64_t>> late_clocks_;

 private:
  struct Change {
    std::size_t rule;
    std::uint32_t code;
    Observation observation;
    std::size_t row = Transition::kNoRow;        // of the batch
    std::size_t evaluated = Transition::kNoRow;  // of the outcome
    double value = EventBatch::kNull;
    std::string_view cause = {};
  };

  void Judge(const EventBatch& batch, std::size_t row, std::int64_t latest_us);
  void Accept(const EventBatch& batch, std::size_t row, std::uint32_t code);
  void EvaluatePending();
  void AdvanceRow(std::size_t evaluated);
  void KeepValue(std::size_t evaluated);
  Observation ObservationOf(std::size_t rule, std::size_t evaluated) const;
  void Apply(const Change& change);
  void Emit(const Change& change, const AlertInstance& instance, AlertTransition kind);
  void RunTimers(std::int64_t time_us);
  void RunDevice(std::uint32_t code, std::int64_t due_us);
  void RunRule(std::uint32_t code, std::size_t rule, std::int64_t t_us);
  void RunNoData(std::uint32_t code, std::size_t rule, std::int64_t t_us);
  void ScheduleDevice(std::uint32_t code, bool later_too);
  void RefreshNextDue();
  bool watches() const { return fleet_ != nullptr && fleet_->enabled(); }

  RuleTimers timer_rules_;
  std::vector<AlertTiming> timing_;
  TimerQueue timers_;
  std::int64_t next_due_us_ = kNever;

  // The batch in hand.
  const EventBatch* batch_ = nullptr;
  std::span<const std::int64_t> offsets_;
  Sink* sink_ = nullptr;
  std::size_t row_ = Transition::kNoRow;
  // Accepted rows that are not evaluated yet.
  std::vector<std::uint32_t> pending_rows_;
  std::vector<std::uint32_t> pending_codes_;
  std::vector<std::int64_t> pending_times_;
  std::vector<std::uint8_t> pending_in_order_;
  const RuleOutcome* outcome_ = nullptr;
  std::string explain_;
};

void PartitionEngine::Parts::UseRules(const RuleSet& rules) {
  rules_ = &rules;
  words_ = rules.words();
  timing_.clear();
  for (std::size_t i = 0; i < rules.size(); ++i) timing_.push_back(TimingOf(rules.rule(i)));
  timer_rules_ = options_.lifecycle ? RuleTimers(rules) : RuleTimers();
}

// --- Rows ---------------------------------------------------------------------------------------

void PartitionEngine::Parts::Process(const EventBatch& batch, std::int64_t latest_us,
                                     std::span<const std::int64_t> offsets, Sink& sink) {
  batch_ = &batch;
  offsets_ = offsets;
  sink_ = &sink;
  verdicts_.assign(batch.size(), RowVerdict::kAccepted);
  conditions_.assign(batch.size() * words_, 0);
  late_clocks_.clear();
  hits_.clear();
  RefreshNextDue();
  for (std::size_t row = 0; row < batch.size(); ++row) {
    Judge(batch, row, latest_us);
    if (!offsets.empty()) state_.SetLastOffset(offsets[row]);
  }
  EvaluatePending();
  if (next_due_us_ <= TimersUpTo()) RunTimers(TimersUpTo());
  batch_ = nullptr;
}

void PartitionEngine::Parts::Judge(const EventBatch& batch, std::size_t row,
                                   std::int64_t latest_us) {
  if (batch.reject[row] != RejectReason::kNone) {
    verdicts_[row] = RowVerdict::kRejected;
    return;
  }
  const std::int64_t t_us = batch.time_us[row];
  if (t_us > latest_us) {
    verdicts_[row] = RowVerdict::kFuture;
    return;
  }
  const std::uint32_t code = state_.Code(batch.device_id[row]);
  const std::int64_t clock_us = state_.clock_us(code);
  if (clock_us != PartitionState::kNoClock) {
    if (options_.allowed_lateness_us > 0 && t_us < clock_us - options_.allowed_lateness_us) {
      verdicts_[row] = RowVerdict::kLate;
      late_clocks_.emplace_back(row, clock_us);
      return;
    }
    if (options_.dedup_window_us > 0 && state_.IsRepeat(code, t_us)) {
      verdicts_[row] = RowVerdict::kDuplicate;
      return;
    }
  }
  Accept(batch, row, code);
}

// What was due before this event happens before it, on the state of the rows before it.
void PartitionEngine::Parts::Accept(const EventBatch& batch, std::size_t row, std::uint32_t code) {
  const std::int64_t t_us = batch.time_us[row];
  largest_us_ = std::max(largest_us_, t_us);
  if (next_due_us_ <= TimersUpTo()) {
    EvaluatePending();
    RunTimers(TimersUpTo());
  }
  const std::int64_t clock_us = state_.clock_us(code);
  if (watches() && t_us > clock_us) {
    if (fleet_->WillChange(code)) EvaluatePending();
    row_ = row;
    fleet_->OnEvent(code, state_.DeviceId(code), t_us, *this);
    row_ = Transition::kNoRow;
    next_due_us_ =
        std::min(next_due_us_, fleet_->has_released() ? largest_us_ : fleet_->NextDueUs());
  }
  if (t_us > clock_us) state_.SetClock(code, t_us);
  if (options_.dedup_window_us > 0) state_.Remember(code, t_us);
  pending_rows_.push_back(static_cast<std::uint32_t>(row));
  pending_codes_.push_back(code);
  pending_times_.push_back(t_us);
  pending_in_order_.push_back(t_us >= clock_us ? 1 : 0);
  // What this row makes due is known when it is evaluated: no later than it can be due.
  if (timer_rules_.any() && t_us >= clock_us) {
    next_due_us_ = std::min(next_due_us_, timer_rules_.Earliest(t_us));
  }
}

void PartitionEngine::Parts::EvaluatePending() {
  if (pending_rows_.empty()) return;
  const EventRows rows{
      .device = pending_codes_, .time_us = pending_times_, .in_order = pending_in_order_};
  outcome_ = &state_.memory().Evaluate(*batch_, pending_rows_, rows);
  state_.MarkChanged();
  for (std::size_t i = 0; i < pending_rows_.size(); ++i) {
    std::uint64_t* const to = conditions_.data() + pending_rows_[i] * words_;
    for (std::size_t word = 0; word < words_; ++word) {
      to[word] = outcome_->conditions[i * words_ + word];
    }
    if (!options_.lifecycle) {
      KeepValue(i);
    } else if (pending_in_order_[i] != 0) {
      AdvanceRow(i);
    }
  }
  if (timer_rules_.any()) {
    for (std::size_t i = 0; i < pending_rows_.size(); ++i) ScheduleDevice(pending_codes_[i], false);
    RefreshNextDue();
  }
  pending_rows_.clear();
  pending_codes_.clear();
  pending_times_.clear();
  pending_in_order_.clear();
}

void PartitionEngine::Parts::KeepValue(std::size_t i) {
  const auto row = outcome_->Row(i);
  const auto word = std::ranges::find_if(row, [](std::uint64_t w) { return w != 0; });
  if (word == row.end()) return;
  const auto rule = static_cast<std::size_t>((word - row.begin()) * 64 + std::countr_zero(*word));
  const std::uint8_t level = ObservationOf(rule, i).level;
  hits_.resize(verdicts_.size());
  hits_[pending_rows_[i]] = {state_.memory().Value(rule, i, level), level};
}

void PartitionEngine::Parts::AdvanceRow(std::size_t i) {
  const std::uint32_t code = pending_codes_[i];
  for (std::size_t word = 0; word < words_; ++word) {
    std::uint64_t left = outcome_->conditions[i * words_ + word] | state_.Instances(code)[word];
    for (; left != 0; left &= left - 1) {
      const std::size_t rule = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
      const std::size_t row = pending_rows_[i];
      Change change{.rule = rule,
                    .code = code,
                    .observation = ObservationOf(rule, i),
                    .row = row,
                    .evaluated = i};
      change.observation.t_us = pending_times_[i];
      if (!offsets_.empty()) change.observation.offset = offsets_[row];
      Apply(change);
    }
  }
}

Observation PartitionEngine::Parts::ObservationOf(std::size_t rule, std::size_t i) const {
  Observation seen;
  const auto& level = outcome_->level[rule];
  const auto& clear = outcome_->clear[rule];
  const bool condition = (outcome_->conditions[i * words_ + rule / 64] >> (rule % 64) & 1) != 0;
  seen.level = level.empty() ? static_cast<std::uint8_t>(condition ? 1 : 0) : level[i];
  seen.clear = !clear.empty() && clear[i] != 0;
  return seen;
}

// --- Instances ----------------------------------------------------------------------------------

void PartitionEngine::Parts::Apply(const Change& change) {
  AlertInstance& instance = state_.Instance(change.code, change.rule);
  Observation seen = change.observation;
  // The clock of a live run may have been ahead of the event.
  if (instance.phase != AlertPhase::kInactive) {
    seen.t_us = std::max(seen.t_us, instance.active_at_us);
    if (Fires(instance)) seen.t_us = std::max(seen.t_us, instance.starts_at_us);
  }
  const bool fired = Fires(instance);
  const AlertTransition kind = tocsin::Advance(instance, timing_[change.rule], seen);
  firing_ += (Fires(instance) ? 1 : 0) - (fired ? 1 : 0);
  if (kind != AlertTransition::kNone) {
    Change clamped = change;
    clamped.observation = seen;
    Emit(clamped, instance, kind);
  }
  if (IsForgettable(instance, rules_->rule(change.rule).flap, seen.t_us)) {
    state_.RemoveInstance(change.code, change.rule);
  }
}

void PartitionEngine::Parts::Emit(const Change& change, const AlertInstance& instance,
                                  AlertTransition kind) {
  Transition transition{.rule = change.rule,
                        .device_id = state_.DeviceId(change.code),
                        .instance = instance,
                        .kind = kind,
                        .t_us = change.observation.t_us,
                        .level = instance.level,
                        .value = change.value,
                        .explain = {},
                        .cause = change.cause,
                        .row = change.row};
  if (kind != AlertTransition::kLevel) {
    const FlapGuard& flap = rules_->rule(change.rule).flap;
    AlertInstance& counted = state_.Instance(change.code, change.rule);
    transition.flapping = CountTransition(counted, flap, change.observation.t_us);
  }
  if (change.evaluated != Transition::kNoRow) {
    transition.value =
        state_.memory().Value(change.rule, change.evaluated, change.observation.level);
    explain_.clear();
    state_.memory().Explain(change.rule, change.evaluated, explain_);
    transition.explain = explain_;
  }
  sink_->OnTransition(transition);
}

bool PartitionEngine::Parts::ResolveOrphans(Sink& sink) {
  if (!state_.has_orphans()) return false;
  std::vector<std::pair<std::uint32_t, PartitionState::Orphan>> orphans;
  for (auto& entry : state_.TakeOrphans()) orphans.push_back(entry);
  std::ranges::sort(orphans, [this](const auto& a, const auto& b) {
    const auto key = [this](const auto& entry) {
      return std::pair(state_.DeviceId(entry.first), std::string_view(entry.second.rule));
    };
    return key(a) < key(b);
  });
  for (auto& [code, orphan] : orphans) {
    const std::uint8_t level = orphan.instance.level;
    ResolveNow(orphan.instance);
    sink.OnTransition({.rule = Transition::kNoRule,
                       .device_id = state_.DeviceId(code),
                       .instance = orphan.instance,
                       .kind = AlertTransition::kResolved,
                       .t_us = std::max(state_.clock_us(code), orphan.instance.starts_at_us),
                       .level = level,
                       .value = EventBatch::kNull,
                       .explain = {},
                       .cause = "rule_removed",
                       .removed_rule = orphan.rule,
                       .memo = state_.MemoOf(orphan.rule)});
  }
  return true;
}

// --- Time ---------------------------------------------------------------------------------------

void PartitionEngine::Parts::RefreshNextDue() {
  next_due_us_ = timers_.NextDueUs();
  if (fleet_ == nullptr) return;
  next_due_us_ = std::min(next_due_us_, fleet_->NextDueUs());
  if (fleet_->has_released()) next_due_us_ = std::numeric_limits<std::int64_t>::min();
}

std::int64_t PartitionEngine::Parts::NextDueUs() {
  RefreshNextDue();
  return next_due_us_;
}

void PartitionEngine::Parts::AdvanceTime(std::int64_t time_us, Sink& sink) {
  sink_ = &sink;
  RefreshNextDue();
  if (fleet_ != nullptr && fleet_->enabled()) fleet_->Start(time_us);
  if (next_due_us_ <= time_us) RunTimers(time_us);
}

// In the order of due times; of the fleet first, so that a silence freezes what is due with it.
void PartitionEngine::Parts::RunTimers(std::int64_t time_us) {
  std::vector<std::uint32_t> codes;
  for (;;) {
    if (fleet_ != nullptr) {
      for (const std::uint32_t code : fleet_->TakeReleased()) ScheduleDevice(code, true);
    }
    const std::int64_t rule_due_us = timers_.NextDueUs();
    const std::int64_t fleet_due_us = fleet_ == nullptr ? kNever : fleet_->NextDueUs();
    if (std::min(rule_due_us, fleet_due_us) > time_us) break;
    if (fleet_due_us <= rule_due_us) {
      fleet_->Advance(std::max(fleet_due_us, FleetLiveness::kNone), *this);
      state_.MarkChanged();
      continue;
    }
    codes.clear();
    while (timers_.NextDueUs() == rule_due_us) codes.push_back(timers_.Pop());
    std::ranges::sort(codes, {}, [this](std::uint32_t code) { return state_.DeviceId(code); });
    for (const std::uint32_t code : codes) RunDevice(code, rule_due_us);
  }
  RefreshNextDue();
}

void PartitionEngine::Parts::RunDevice(std::uint32_t code, std::int64_t due_us) {
  const std::int64_t actual_us = timer_rules_.NextDue(state_, code);
  if (actual_us > due_us) {
    timers_.Schedule(code, actual_us);
    return;
  }
  if (watches()) {
    const std::int64_t from_us = fleet_->AllowedFrom(code, due_us);
    if (from_us > due_us) {
      timers_.Schedule(code, from_us);
      return;
    }
  }
  state_.SetEvaluated(code, due_us);
  for (const std::size_t rule : timer_rules_.rules()) {
    if (rules_->time_driven(rule)) RunRule(code, rule, due_us);
    RunNoData(code, rule, due_us);
  }
  timers_.Schedule(code, timer_rules_.NextDue(state_, code));
}

void PartitionEngine::Parts::RunRule(std::uint32_t code, std::size_t rule, std::int64_t t_us) {
  const RuleMemory::AtTime at = state_.memory().EvaluateAt(rule, code, state_.DeviceId(code), t_us);
  if (at.level == 0 && state_.FindInstance(code, rule) == nullptr) return;
  Apply({.rule = rule,
         .code = code,
         .observation = {.t_us = t_us, .level = at.level, .clear = at.clear, .is_event = false},
         .value = at.value,
         .cause = timer_rules_.CauseOf(rule)});
}

void PartitionEngine::Parts::RunNoData(std::uint32_t code, std::size_t rule, std::int64_t t_us) {
  const NoData& no_data = rules_->rule(rule).no_data;
  if (no_data.after_us == 0 || no_data.state == NoData::State::kKeep) return;
  if (t_us < state_.clock_us(code) + no_data.after_us) return;
  AlertInstance* const found = state_.FindInstance(code, rule);
  const bool fires = found != nullptr && Fires(*found);
  if (fires != (no_data.state == NoData::State::kResolve) || (fires && found->no_data)) return;
  AlertInstance& instance = state_.Instance(code, rule);
  Change change{.rule = rule,
                .code = code,
                .observation = {.t_us = t_us, .is_event = false},
                .cause = "no_data"};
  if (fires) {
    ResolveNow(instance);
    --firing_;
    Emit(change, instance, AlertTransition::kResolved);
    return;
  }
  change.observation.level = static_cast<std::uint8_t>(rules_->rule(rule).levels.size());
  const AlertTransition kind = tocsin::Advance(instance, AlertTiming{}, change.observation);
  instance.no_data = true;
  if (kind != AlertTransition::kFiring) return;
  ++firing_;
  Emit(change, instance, kind);
}

void PartitionEngine::Parts::ScheduleDevice(std::uint32_t code, bool later_too) {
  if (!timer_rules_.any() || state_.clock_us(code) == PartitionState::kNoClock) return;
  const std::int64_t due_us = timer_rules_.NextDue(state_, code);
  if (later_too) {
    timers_.Schedule(code, due_us);
  } else {
    timers_.ScheduleBy(code, due_us);
  }
}

void PartitionEngine::Parts::ScheduleAll() {
  timers_.Clear();
  for (std::uint32_t code = 0; code < state_.devices(); ++code) ScheduleDevice(code, true);
}

void PartitionEngine::Parts::FinishRestore() {
  state_.KeepLastOffset(timer_rules_.any() || watches());
  firing_ = state_.firing();
  for (std::uint32_t code = 0; code < state_.devices(); ++code) {
    largest_us_ = std::max(largest_us_, state_.clock_us(code));
  }
  ScheduleAll();
}

// --- The face -----------------------------------------------------------------------------------

PartitionEngine::PartitionEngine(const RuleSet& rules, Options options, FleetPartition* fleet)
    : parts_(std::make_unique<Parts>(rules, options, fleet)) {}
PartitionEngine::~PartitionEngine() = default;

void PartitionEngine::Process(const EventBatch& batch, std::int64_t latest_us,
                              std::span<const std::int64_t> offsets, Sink& sink) {
  parts_->Process(batch, latest_us, offsets, sink);
}

std::span<const RowVerdict> PartitionEngine::verdicts() const {
  return parts_->verdicts_;
}

std::span<const std::uint64_t> PartitionEngine::Conditions(std::size_t row) const {
  return std::span(parts_->conditions_).subspan(row * parts_->words_, parts_->words_);
}

std::int64_t PartitionEngine::ClockOf(std::size_t row) const {
  const auto& late = parts_->late_clocks_;
  const auto found = std::ranges::lower_bound(late, row, {}, [](const auto& e) { return e.first; });
  return found == late.end() ? PartitionState::kNoClock : found->second;
}

PartitionEngine::FirstHit PartitionEngine::FirstHitOf(std::size_t row) const {
  return row < parts_->hits_.size() ? parts_->hits_[row] : FirstHit{};
}

void PartitionEngine::AdvanceTime(std::int64_t time_us, Sink& sink) {
  parts_->AdvanceTime(time_us, sink);
}

std::int64_t PartitionEngine::NextDueUs() {
  return parts_->NextDueUs();
}

void PartitionEngine::LimitTime(std::int64_t wall_us) {
  parts_->time_limit_us_ = wall_us;
}
std::int64_t PartitionEngine::largest_event_time_us() const {
  return parts_->largest_us_;
}

void PartitionEngine::ReplaceRules(const RuleSet& rules) {
  parts_->state_.ReplaceRules(rules);
  parts_->UseRules(rules);
  parts_->FinishRestore();
}

bool PartitionEngine::ResolveOrphans(Sink& sink) {
  return parts_->ResolveOrphans(sink);
}

void PartitionEngine::FinishRestore() {
  parts_->FinishRestore();
}

std::int64_t PartitionEngine::firing() const {
  return parts_->firing_;
}

PartitionState& PartitionEngine::state() {
  return parts_->state_;
}

}  // namespace tocsin
