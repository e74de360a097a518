#include "offline/scoring.h"

#include <algorithm>
#include <limits>
#include <set>

namespace tocsin {
namespace {

double Share(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::numeric_limits<double>::quiet_NaN();
  return static_cast<double>(part) / static_cast<double>(whole);
}

// The smallest of `sorted` that at least `percent` of 100 of them do not exceed.
std::int64_t NearestRank(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  const std::size_t rank = (sorted.size() * percent + 99) / 100;
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

void SetDelays(Score& score, std::vector<std::int64_t> delays) {
  score.detected = delays.size();
  if (delays.empty()) return;
  std::ranges::sort(delays);
  score.delay_median_us = NearestRank(delays, 50);
  score.delay_p90_us = NearestRank(delays, 90);
}

}  // namespace

double Score::Precision() const {
  return Share(true_positives, alerts);
}
double Score::Recall() const {
  return Share(detected, faults);
}
double Score::F1() const {
  const double precision = Precision();
  const double recall = Recall();
  if (precision + recall == 0) return 0;
  return 2 * precision * recall / (precision + recall);
}

Scorer::Scorer(const FaultLabels& labels, std::size_t rules, std::int64_t grace_us)
    : labels_(&labels), grace_us_(grace_us), rules_(rules) {}

void Scorer::Add(const AlertEpisode& episode) {
  RuleCount& rule = rules_[episode.rule];
  ++rule.alerts;
  const std::vector<std::uint32_t> found =
      labels_->Overlapping(episode.device_id, episode.starts_at_us, episode.ends_at_us, grace_us_);
  if (found.empty()) return;
  ++rule.true_positives;
  std::set<std::string_view> faults;
  for (const std::uint32_t at : found) {
    const FaultLabel& label = labels_->all()[at];
    const std::int64_t delay_us = std::max<std::int64_t>(episode.starts_at_us - label.start_us, 0);
    const auto [entry, fresh] = delay_us_.try_emplace({at, episode.rule}, delay_us);
    if (!fresh) entry->second = std::min(entry->second, delay_us);
    if (!faults.insert(label.fault).second) continue;
    ++rule.by_fault[label.fault];
    ++by_fault_[label.fault];
  }
}

void Scorer::Merge(const Scorer& other) {
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    rules_[r].alerts += other.rules_[r].alerts;
    rules_[r].true_positives += other.rules_[r].true_positives;
    for (const auto& [fault, count] : other.rules_[r].by_fault) rules_[r].by_fault[fault] += count;
  }
  for (const auto& [fault, count] : other.by_fault_) by_fault_[fault] += count;
  for (const auto& [key, delay_us] : other.delay_us_) {
    const auto [entry, fresh] = delay_us_.try_emplace(key, delay_us);
    if (!fresh) entry->second = std::min(entry->second, delay_us);
  }
}

ScoreTable Scorer::Table() const {
  using Delays = std::vector<std::int64_t>;
  Delays overall;
  std::map<std::string, Delays> by_fault;
  std::vector<Delays> by_rule(rules_.size());
  std::vector<std::map<std::string, Delays>> by_both(rules_.size());
  // The entries of one label are neighbours.
  for (auto entry = delay_us_.begin(); entry != delay_us_.end();) {
    const std::uint32_t at = entry->first.first;
    const std::string& fault = labels_->all()[at].fault;
    std::int64_t least_us = std::numeric_limits<std::int64_t>::max();
    for (; entry != delay_us_.end() && entry->first.first == at; ++entry) {
      least_us = std::min(least_us, entry->second);
      by_rule[entry->first.second].push_back(entry->second);
      by_both[entry->first.second][fault].push_back(entry->second);
    }
    overall.push_back(least_us);
    by_fault[fault].push_back(least_us);
  }

  std::map<std::string, std::uint64_t> labelled;
  for (const FaultLabel& label : labels_->all()) ++labelled[label.fault];
  ScoreTable table;
  table.by_rule.resize(rules_.size());
  table.by_both.resize(rules_.size());
  table.overall.faults = labels_->all().size();
  SetDelays(table.overall, std::move(overall));
  for (const auto& [fault, count] : labelled) {
    Score& score = table.by_fault[fault];
    const auto hits = by_fault_.find(fault);
    score.alerts = score.true_positives = hits == by_fault_.end() ? 0 : hits->second;
    score.faults = count;
    SetDelays(score, std::move(by_fault[fault]));
  }
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    Score& score = table.by_rule[r];
    score.alerts = rules_[r].alerts;
    score.true_positives = rules_[r].true_positives;
    score.faults = labels_->all().size();
    SetDelays(score, std::move(by_rule[r]));
    table.overall.alerts += score.alerts;
    table.overall.true_positives += score.true_positives;
    for (const auto& [fault, count] : labelled) {
      Score& both = table.by_both[r][fault];
      const auto hits = rules_[r].by_fault.find(fault);
      both.alerts = both.true_positives = hits == rules_[r].by_fault.end() ? 0 : hits->second;
      both.faults = count;
      SetDelays(both, std::move(by_both[r][fault]));
    }
  }
  return table;
}

}  // namespace tocsin
