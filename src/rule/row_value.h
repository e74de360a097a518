#pragma once

#include <cstddef>
#include <cstdint>

#include "rule/program.h"

// The compiled rules at one row or one moment, step by step: for the value and the explanation of
// an alert, for timers and for folding constants.
namespace tocsin {

struct RowValue {
  double number = 0;
  bool null = false;  // of a number
  std::uint8_t truth = kUnknown;
};

// What an operator makes of two values; unary ones look at `a` only.
RowValue Apply(Operator op, const RowValue& a, const RowValue& b);

// Where the values come from that are no operators.
class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual RowValue Metric(std::size_t metric) const = 0;
  virtual RowValue Call(std::size_t call) const = 0;
  virtual std::uint8_t Text(std::size_t comparison) const = 0;
};

RowValue ValueOf(const RuleProgram& program, std::uint32_t step, const RowSource& source);

// RuleMemory::Value for an expression; `is_true` = its level holds.
double DecidingValue(const RuleProgram& program, const ProgramExpression& expression, bool is_true,
                     const RowSource& source);

}  // namespace tocsin
