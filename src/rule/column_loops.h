#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "expression/expression.h"

// One operator over all rows of a batch. Loops without branches, so that the compiler makes them
// vector code.
namespace tocsin {

// A column of numbers, or one number for every row.
struct NumberOperand {
  const double* values = nullptr;      // nullptr = `constant`
  const std::uint8_t* null = nullptr;  // nullptr = no row is null
  double constant = 0;
};

// kNegate looks at `a` only. Null rows get a value too.
void Calculate(Operator op, const NumberOperand& a, const NumberOperand& b, std::span<double> out);
// out[i] = 1 where either is null. At least one has a null column.
void UniteNulls(const NumberOperand& a, const NumberOperand& b, std::span<std::uint8_t> out);
// Truths; unknown where either is null.
void Compare(Operator op, const NumberOperand& a, const NumberOperand& b,
             std::span<std::uint8_t> out);
// Three-valued logic; kNot looks at `a` only.
void Combine(Operator op, const std::uint8_t* a, const std::uint8_t* b,
             std::span<std::uint8_t> out);
// null[i] = 1 where values[i] is NaN. False when none is.
bool FindNulls(const double* values, std::span<std::uint8_t> null);
bool AnySet(std::span<const std::uint8_t> bytes);

// The words of one rule in a matrix of condition bits: row i stands at words[i * stride].
struct ConditionBits {
  std::uint64_t* words = nullptr;
  std::size_t stride = 1;
  std::size_t rows = 0;
  unsigned bit = 0;
};
// Sets the bit where `values[i] op threshold`; a null (NaN) is not true.
void SetWhere(Operator op, const double* values, double threshold, const ConditionBits& bits);
// Sets the bit where the truth is true.
void SetWhereTrue(const std::uint8_t* truth, const ConditionBits& bits);

}  // namespace tocsin
