#include "process/partition_state.h"

#include <algorithm>
#include <bit>

namespace tocsin {

PartitionState::PartitionState(const RuleSet& rules, std::int64_t dedup_window_us,
                               FleetPartition* fleet)
    : rules_(&rules),
      words_(rules.words()),
      memory_(std::make_unique<RuleMemory>(rules)),
      fleet_(fleet),
      dedup_window_us_(dedup_window_us),
      bucket_us_(RecentTimes::BucketWidth(dedup_window_us)),
      memo_stored_(rules.size(), 0) {}

void PartitionState::AddDevice() {
  clocks_.push_back(kNoClock);
  instance_bits_.resize(instance_bits_.size() + words_, 0);
  dirty_.push_back(0);
  if (dedup_window_us_ > 0) recent_.emplace_back();
}

AlertInstance& PartitionState::Instance(std::uint32_t code, std::size_t rule) {
  instance_bits_[code * words_ + rule / 64] |= 1ull << (rule % 64);
  Touch(code);
  return instances_.FindOrMake(code, static_cast<std::uint32_t>(rule));
}

void PartitionState::RemoveInstance(std::uint32_t code, std::size_t rule) {
  instance_bits_[code * words_ + rule / 64] &= ~(1ull << (rule % 64));
  Touch(code);
  instances_.Erase(code, static_cast<std::uint32_t>(rule));
}

std::int64_t PartitionState::firing() const {
  std::int64_t count = 0;
  instances_.ForEach([&count](const InstanceTable::Entry& entry) {
    if (entry.instance.phase >= AlertPhase::kFiring) ++count;
  });
  return count;
}

std::int64_t PartitionState::evaluated_us(std::uint32_t code) const {
  if (code >= evaluated_.size()) return clocks_[code];
  return std::max(evaluated_[code], clocks_[code]);
}

void PartitionState::SetEvaluated(std::uint32_t code, std::int64_t time_us) {
  if (code >= evaluated_.size()) evaluated_.resize(code + 1, kNoClock);
  evaluated_[code] = time_us;
  Touch(code);
}

void PartitionState::Remember(std::uint32_t code, std::int64_t time_us) {
  const std::int64_t clock_us = clocks_[code];
  emptied_.clear();
  recent_[code].ForgetBefore(clock_us - dedup_window_us_, bucket_us_, emptied_);
  for (const std::int64_t bucket : emptied_) dirty_buckets_.emplace_back(code, bucket);
  if (time_us < clock_us - dedup_window_us_) return;
  recent_[code].Insert(time_us);
  const std::pair changed(code, RecentTimes::BucketOf(time_us, bucket_us_));
  if (dirty_buckets_.empty() || dirty_buckets_.back() != changed) {
    dirty_buckets_.push_back(changed);
  }
}

// --- Rules --------------------------------------------------------------------------------------

std::size_t PartitionState::RuleByName(std::string_view name) const {
  std::size_t rule = 0;
  while (rule < rules_->size() && rules_->rule(rule).name != name) ++rule;
  return rule;
}

void PartitionState::Adopt(std::uint32_t code, std::string_view rule,
                           const AlertInstance& instance) {
  const std::size_t index = RuleByName(rule);
  if (index < rules_->size()) {
    Instance(code, index) = instance;
    return;
  }
  stored_otherwise_ = true;
  if (instance.phase < AlertPhase::kFiring) return;
  orphans_.emplace(code, Orphan{.rule = std::string(rule), .instance = instance});
}

void PartitionState::ReplaceRules(const RuleSet& rules) {
  const RuleSet& old_rules = *rules_;
  const InstanceTable old_instances = std::exchange(instances_, InstanceTable());
  const std::unique_ptr<RuleMemory> old_memory =
      std::exchange(memory_, std::make_unique<RuleMemory>(rules));
  auto old_orphans = std::exchange(orphans_, {});
  for (std::size_t i = 0; i < old_rules.size(); ++i) {
    const RuleDefinition& rule = old_rules.rule(i);
    if (memos_.contains(rule.name)) memos_[rule.name] = MemoOfRule(rule);
  }
  rules_ = &rules;
  words_ = rules.words();
  instance_bits_.assign(clocks_.size() * words_, 0);
  memo_stored_.assign(rules.size(), 0);
  old_instances.ForEach([&](const InstanceTable::Entry& entry) {
    Adopt(entry.device, old_rules.rule(entry.rule).name, entry.instance);
  });
  for (auto& [code, orphan] : old_orphans) Adopt(code, orphan.rule, orphan.instance);
  old_memory->Flush(true, [this](std::uint32_t device, std::string_view key,
                                 std::string_view value) { memory_->Restore(device, key, value); });
  memory_->FinishRestore();
  stored_otherwise_ = true;
  changed_ = true;
}

PartitionState::RuleMemo PartitionState::MemoOfRule(const RuleDefinition& rule) {
  RuleMemo memo{.version = rule.version, .severities = {}, .labels = rule.labels};
  for (const RuleLevel& level : rule.levels) {
    memo.severities.push_back(static_cast<char>(level.severity));
  }
  return memo;
}

std::multimap<std::uint32_t, PartitionState::Orphan> PartitionState::TakeOrphans() {
  for (const auto& [code, orphan] : orphans_) Touch(code);
  for (const auto& [name, memo] : memos_) {
    if (RuleByName(name) == rules_->size()) dead_memos_.push_back(name);
  }
  return std::exchange(orphans_, {});
}

const PartitionState::RuleMemo* PartitionState::MemoOf(const std::string& rule) const {
  const auto found = memos_.find(rule);
  return found == memos_.end() ? nullptr : &found->second;
}

}  // namespace tocsin
