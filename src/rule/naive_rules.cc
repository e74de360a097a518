#include "rule/naive_rules.h"

#include <re2/re2.h>

#include <cmath>

namespace tocsin {
namespace {

using Truth3 = std::optional<bool>;

Truth3 Not(Truth3 a) {
  return a ? Truth3(!*a) : a;
}
Truth3 And(Truth3 a, Truth3 b) {
  if ((a && !*a) || (b && !*b)) return false;
  if (!a || !b) return std::nullopt;
  return true;
}
Truth3 Or(Truth3 a, Truth3 b) {
  return Not(And(Not(a), Not(b)));
}

double Arithmetic(Operator op, double a, double b) {
  if (op == Operator::kMultiply) return a * b;
  if (op == Operator::kModulo) return std::fmod(a, b);
  if (op == Operator::kAdd) return a + b;
  if (op == Operator::kSubtract) return a - b;
  if (b != 0) return a / b;
  if (a == 0 || std::isnan(a)) return NAN;
  return std::signbit(a) == std::signbit(b) ? INFINITY : -INFINITY;
}

bool Compared(Operator op, double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return false;
  if (op == Operator::kLess) return a < b;
  if (op == Operator::kLessEqual) return a <= b;
  if (op == Operator::kGreater) return a > b;
  if (op == Operator::kGreaterEqual) return a >= b;
  return (a == b) == (op == Operator::kEqual);
}

}  // namespace

NaiveValue NaiveRules::At(const Node& node, std::size_t row) {
  switch (node.kind) {
    case Node::Kind::kNumber:
      return {.number = node.number};
    case Node::Kind::kMetric:
      return {.number = events_[row].metrics[node.metric]};
    case Node::Kind::kCall:
      return Call(node, row);
    default:
      return Operation(node, row);
  }
}

std::optional<std::string> NaiveRules::Text(const Node& node, std::size_t row) const {
  const NaiveEvent& event = events_[row];
  if (node.kind == Node::Kind::kDeviceId) return event.device_id;
  if (node.kind == Node::Kind::kStatus) return event.status;
  if (node.kind == Node::Kind::kText) return node.text;
  if (labels_ == nullptr) return std::nullopt;
  const std::string_view label = labels_->Label(event.device_id, node.text);
  if (label.data() == nullptr) return std::nullopt;
  return std::string(label);
}

NaiveValue NaiveRules::Operation(const Node& node, std::size_t row) {
  const Node& left = *node.children[0];
  if (left.type == ValueType::kText) {
    const auto a = Text(left, row), b = Text(*node.children[1], row);
    if (!a || !b) return {};
    if (node.op == Operator::kEqual) return {.truth = *a == *b};
    if (node.op == Operator::kNotEqual) return {.truth = *a != *b};
    return {.truth = re2::RE2::FullMatch(*a, *b) == (node.op == Operator::kMatch)};
  }
  if (node.type == ValueType::kTruth && left.type == ValueType::kNumber) {
    return Comparison(node, row);
  }
  const NaiveValue a = At(left, row);
  if (node.op == Operator::kNot) return {.truth = Not(a.truth)};
  if (node.op == Operator::kNegate) {
    return {.number = a.number ? std::optional(-*a.number) : a.number, .rounded = a.rounded};
  }
  const NaiveValue b = At(*node.children[1], row);
  if (node.op == Operator::kAnd) return {.truth = And(a.truth, b.truth)};
  if (node.op == Operator::kUnless) return {.truth = And(a.truth, Not(b.truth))};
  if (node.op == Operator::kOr) return {.truth = Or(a.truth, b.truth)};
  if (!a.number || !b.number) return {};
  // These magnify a difference in rounding without bound.
  const bool magnifies = node.op == Operator::kModulo || node.op == Operator::kDivide ||
                         node.op == Operator::kAdd || node.op == Operator::kSubtract;
  if (magnifies && (a.rounded || b.rounded)) doubtful_ = true;
  return {.number = Arithmetic(node.op, *a.number, *b.number), .rounded = a.rounded || b.rounded};
}

NaiveValue NaiveRules::Comparison(const Node& node, std::size_t row) {
  const NaiveValue a = At(*node.children[0], row);
  const NaiveValue b = At(*node.children[1], row);
  if (!a.number || !b.number) return {};
  if ((a.rounded || b.rounded) &&
      std::abs(*a.number - *b.number) <= 1e-9 * (1 + std::abs(*a.number) + std::abs(*b.number))) {
    doubtful_ = true;
  }
  return {.truth = Compared(node.op, *a.number, *b.number)};
}

}  // namespace tocsin
