#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "offline/rule_test.h"
#include "process/partition_engine.h"
#include "rule/rule_set.h"

namespace tocsin {

// The alerts of one test as they come, and their comparison with what was expected.
class TestAlerts final : public PartitionEngine::Sink {
 public:
  // Both must outlive it.
  TestAlerts(const RuleSet& rules, const LabelSource& labels) : rules_(rules), labels_(labels) {}

  // The transitions that follow come from an event with these readings, or from the clock.
  void BeginEvent(const std::vector<double>& metrics);
  void BeginTimer();
  void OnTransition(const Transition& transition) override;

  // The instances that fire (or recover) now.
  void Compare(const AlertCheck& check, std::vector<RuleTestFailure>& failures) const;
  // All records so far.
  void Compare(const std::vector<ExpectedTransition>& expected, SourcePlace place,
               std::vector<RuleTestFailure>& failures) const;

 private:
  struct Firing {
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
  };
  struct Record {
    std::int64_t t_us = 0;
    std::map<std::string, std::string> fields;
  };
  Firing FiringOf(const Transition& transition) const;

  const RuleSet& rules_;
  const LabelSource& labels_;
  std::vector<double> metrics_;
  std::map<std::pair<std::size_t, std::string>, Firing> firing_;
  std::vector<Record> records_;
};

}  // namespace tocsin
