#include "rule_file/thresholds.h"

#include <algorithm>
#include <optional>

#include "expression/mirrored.h"

namespace tocsin {
namespace {

bool IsComparison(Operator op) {
  return op == Operator::kLess || op == Operator::kLessEqual || op == Operator::kGreater ||
         op == Operator::kGreaterEqual;
}

std::optional<Threshold> ThresholdOf(const Node& comparison) {
  const Node& left = *comparison.children[0];
  const Node& right = *comparison.children[1];
  if (left.kind == Node::Kind::kMetric && right.kind == Node::Kind::kNumber) {
    return Threshold{left.metric, comparison.op, right.number};
  }
  if (left.kind == Node::Kind::kNumber && right.kind == Node::Kind::kMetric) {
    return Threshold{right.metric, Mirrored(comparison.op), left.number};
  }
  return std::nullopt;
}

void Collect(const Node& node, std::vector<Threshold>& found) {
  if (node.kind != Node::Kind::kOperator) return;
  if (IsComparison(node.op)) {
    const auto threshold = ThresholdOf(node);
    if (threshold && std::ranges::find(found, *threshold) == found.end())
      found.push_back(*threshold);
  } else if (node.op == Operator::kAnd || node.op == Operator::kOr) {
    for (const auto& child : node.children) Collect(*child, found);
  } else if (node.op == Operator::kUnless) {
    Collect(*node.children[0], found);
  }
}

}  // namespace

std::vector<Threshold> ThresholdsOf(const RuleDefinition& rule) {
  std::vector<Threshold> found;
  for (const RuleLevel& level : rule.levels) Collect(*level.condition, found);
  return found;
}

std::string_view ComparisonText(Operator op) {
  switch (op) {
    case Operator::kLess:
      return "<";
    case Operator::kLessEqual:
      return "<=";
    case Operator::kGreater:
      return ">";
    default:
      return ">=";
  }
}

}  // namespace tocsin
