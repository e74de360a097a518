#include "rule/row_value.h"

#include <limits>

#include "rule/operation.h"

namespace tocsin {
namespace {

double NumberOrNan(const RowValue& value) {
  return value.null ? std::numeric_limits<double>::quiet_NaN() : value.number;
}

}  // namespace

RowValue Apply(Operator op, const RowValue& a, const RowValue& b) {
  RowValue result;
  if (IsArithmetic(op)) {
    result.null = a.null || (op != Operator::kNegate && b.null);
    WithArithmetic(op, [&](auto function) { result.number = function(a.number, b.number); });
  } else if (IsComparison(op)) {
    if (a.null || b.null) return result;
    WithComparison(
        op, [&](auto function) { result.truth = function(a.number, b.number) ? kTrue : kFalse; });
  } else {
    WithLogic(op, [&](auto function) { result.truth = function(a.truth, b.truth); });
  }
  return result;
}

// Recursion as deep as the expression, at most 64 levels.
RowValue ValueOf(const RuleProgram& program, std::uint32_t index, const RowSource& source) {
  const Step& step = program.steps()[index];
  switch (step.kind) {
    case Step::Kind::kMetric:
      return source.Metric(step.index);
    case Step::Kind::kCall:
      return source.Call(step.index);
    case Step::Kind::kText:
      return {.truth = source.Text(step.index)};
    case Step::Kind::kOperator: {
      const RowValue a = ValueOf(program, step.a, source);
      return Apply(step.op, a, step.b == Step::kNone ? a : ValueOf(program, step.b, source));
    }
    default:
      return {.number = step.number, .truth = step.truth};
  }
}

double DecidingValue(const RuleProgram& program, const ProgramExpression& expression, bool is_true,
                     const RowSource& source) {
  for (const ProgramComparison& comparison : expression.comparisons) {
    if (is_true && ValueOf(program, comparison.step, source).truth != kTrue) continue;
    return NumberOrNan(ValueOf(program, comparison.left, source));
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace tocsin
