#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "offline/fault_labels.h"

// How well alerts match labelled faults (docs/07_alerting.md, "Scores").
namespace tocsin {

// One episode of an alert instance, from the event that made it fire to the one that resolved it.
struct AlertEpisode {
  std::size_t rule = 0;
  std::string_view device_id;
  std::int64_t starts_at_us = 0;
  std::int64_t ends_at_us = 0;  // of an episode that did not end: the end of the data
};

// Alerts against faults. An episode is a true positive when it overlaps [start, end + grace] of a
// labelled fault of its device; a fault is detected when some episode does.
struct Score {
  std::uint64_t alerts = 0;
  std::uint64_t true_positives = 0;  // of the alerts
  std::uint64_t faults = 0;
  std::uint64_t detected = 0;  // of the faults
  // Of the detected faults: start of the fault to the earliest episode that overlaps it, 0 when
  // that began before. Nearest rank; meaningless when `detected` is 0.
  std::int64_t delay_median_us = 0;
  std::int64_t delay_p90_us = 0;

  // NaN when there is nothing to divide by.
  double Precision() const;
  double Recall() const;
  double F1() const;
};

// `alerts` and `true_positives` of a kind of fault count the episodes that overlap a fault of that
// kind: an episode is no false positive of one kind because it found another.
struct ScoreTable {
  Score overall;
  std::map<std::string, Score> by_fault;
  std::vector<Score> by_rule;                         // by position of the rule
  std::vector<std::map<std::string, Score>> by_both;  // rule, then fault
};

// Takes in episodes one at a time; memory grows with the faults that were found, not with the
// episodes. Threads: none but the owner's; several are merged.
class Scorer {
 public:
  // `labels` must outlive it.
  Scorer(const FaultLabels& labels, std::size_t rules, std::int64_t grace_us);

  void Add(const AlertEpisode& episode);
  // `other` has the same labels, rules and grace.
  void Merge(const Scorer& other);
  ScoreTable Table() const;

 private:
  struct RuleCount {
    std::uint64_t alerts = 0;
    std::uint64_t true_positives = 0;
    std::map<std::string, std::uint64_t> by_fault;
  };
  const FaultLabels* labels_;
  std::int64_t grace_us_;
  std::vector<RuleCount> rules_;
  std::map<std::string, std::uint64_t> by_fault_;
  // Shortest delay by label and rule.
  std::map<std::pair<std::uint32_t, std::size_t>, std::int64_t> delay_us_;
};

}  // namespace tocsin
