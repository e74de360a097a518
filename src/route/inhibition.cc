#include "route/inhibition.h"

#include <utility>

#include "base/bytes.h"

namespace tocsin {

Inhibition::Marks Inhibition::MarksOf(const LabelMap& labels) const {
  Marks marks;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const InhibitRule& rule = rules_[i];
    Mark mark;
    mark.source = MatchesAll(rule.source, labels);
    mark.target = MatchesAll(rule.target, labels);
    if (!mark.source && !mark.target) continue;
    PutVarint(mark.key, i);
    for (const std::string& label : rule.equal) {
      const auto at = labels.find(label);
      PutBytes(mark.key, at == labels.end() ? std::string_view() : at->second);
    }
    marks.push_back(std::move(mark));
  }
  return marks;
}

void Inhibition::Add(const Marks& marks) {
  for (const Mark& mark : marks) {
    if (!mark.source) continue;
    Sources& sources = firing_[mark.key];
    ++sources.all;
    if (!mark.target) ++sources.one_sided;
  }
}

void Inhibition::Remove(const Marks& marks) {
  for (const Mark& mark : marks) {
    const auto at = mark.source ? firing_.find(mark.key) : firing_.end();
    if (at == firing_.end()) continue;
    --at->second.all;
    if (!mark.target) --at->second.one_sided;
    if (at->second.all == 0) firing_.erase(at);
  }
}

bool Inhibition::Inhibits(const Marks& marks) const {
  for (const Mark& mark : marks) {
    const auto at = mark.target ? firing_.find(mark.key) : firing_.end();
    if (at == firing_.end()) continue;
    if ((mark.source ? at->second.one_sided : at->second.all) > 0) return true;
  }
  return false;
}

}  // namespace tocsin
