#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "rule_file/rule_definition.h"

namespace tocsin {

// A constant that a metric as it was read is compared with: what a chart can draw.
struct Threshold {
  std::size_t metric = 0;  // index of the declaration
  Operator op = Operator::kGreaterEqual;
  double value = 0;
  bool operator==(const Threshold&) const = default;
};

// Those by which the rule can begin to fire: of the comparisons that `and`, `or` and the left side
// of `unless` join in its levels. Each once, in the order of the text.
std::vector<Threshold> ThresholdsOf(const RuleDefinition& rule);

// `>=`, `>`, `<=` or `<`.
std::string_view ComparisonText(Operator op);

}  // namespace tocsin
