#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "route/matcher.h"
#include "route/route_config.h"

namespace tocsin {

// Which alerts are inhibited by others that fire. A target is inhibited by a rule while a firing
// alert matches the rule's source and has the same values of the labels `equal` (a missing one is
// empty). An alert that matches both sides is inhibited only by sources that do not, so that none
// inhibits itself. Costs per question one look-up for each rule whose target the alert matches.
class Inhibition {
 public:
  struct Mark {
    std::string key;  // rule and values of its equal labels
    bool source = false;
    bool target = false;
  };
  using Marks = std::vector<Mark>;

  explicit Inhibition(const std::vector<InhibitRule>& rules) : rules_(rules) {}

  // What an alert with these labels is to the rules; only rules that concern it.
  Marks MarksOf(const LabelMap& labels) const;
  // Called when an alert starts and stops firing.
  void Add(const Marks& marks);
  void Remove(const Marks& marks);
  bool Inhibits(const Marks& marks) const;

 private:
  struct Sources {
    std::uint64_t all = 0;
    std::uint64_t one_sided = 0;  // that do not match the target
  };
  std::vector<InhibitRule> rules_;
  std::unordered_map<std::string, Sources> firing_;
};

}  // namespace tocsin
