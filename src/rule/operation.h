#pragma once

#include <cmath>
#include <cstdint>

#include "expression/expression.h"
#include "expression/mirrored.h"

// What each operator of the rule language means for one value. The loops over columns and the
// evaluation of single rows are both made from these, so that they cannot disagree.
namespace tocsin {

inline bool IsComparison(Operator op) {
  return op >= Operator::kLess && op <= Operator::kNotEqual;
}
inline bool IsArithmetic(Operator op) {
  return op == Operator::kNegate || (op >= Operator::kMultiply && op <= Operator::kSubtract);
}

// Calls `use` with the operator as a function (double, double) -> double. kNegate looks at its
// first operand only.
template <class Use>
void WithArithmetic(Operator op, Use&& use) {
  switch (op) {
    case Operator::kNegate:
      return use([](double a, double) { return -a; });
    case Operator::kMultiply:
      return use([](double a, double b) { return a * b; });
    case Operator::kDivide:
      return use([](double a, double b)
                     __attribute__((no_sanitize("float-divide-by-zero"))) { return a / b; });
    case Operator::kModulo:
      return use([](double a, double b) { return std::fmod(a, b); });
    case Operator::kAdd:
      return use([](double a, double b) { return a + b; });
    default:
      return use([](double a, double b) { return a - b; });
  }
}

// Likewise (double, double) -> bool. Every comparison with NaN is false, `!=` too.
template <class Use>
void WithComparison(Operator op, Use&& use) {
  switch (op) {
    case Operator::kLess:
      return use([](double a, double b) { return a < b; });
    case Operator::kLessEqual:
      return use([](double a, double b) { return a <= b; });
    case Operator::kGreater:
      return use([](double a, double b) { return a > b; });
    case Operator::kGreaterEqual:
      return use([](double a, double b) { return a >= b; });
    case Operator::kEqual:
      return use([](double a, double b) { return a == b; });
    default:
      return use([](double a, double b) { return (a < b) | (a > b); });
  }
}

// Three-valued logic on the bytes of Truth, free of branches.
constexpr std::uint8_t NotOf(std::uint8_t a) {
  return static_cast<std::uint8_t>((a & 2) | ((a ^ 1) & 1 & ~(a >> 1)));
}
constexpr std::uint8_t AndOf(std::uint8_t a, std::uint8_t b) {
  return static_cast<std::uint8_t>(((a != 0) & (b != 0)) * (1 + ((a | b) >> 1)));
}
constexpr std::uint8_t OrOf(std::uint8_t a, std::uint8_t b) {
  const int one = (a | b) & 1;
  return static_cast<std::uint8_t>(one | ((a | b) & 2 & ~(one << 1)));
}

// Likewise (byte, byte) -> byte. kNot looks at its first operand only.
template <class Use>
void WithLogic(Operator op, Use&& use) {
  switch (op) {
    case Operator::kNot:
      return use([](std::uint8_t a, std::uint8_t) { return NotOf(a); });
    case Operator::kAnd:
      return use([](std::uint8_t a, std::uint8_t b) { return AndOf(a, b); });
    case Operator::kUnless:
      return use([](std::uint8_t a, std::uint8_t b) { return AndOf(a, NotOf(b)); });
    default:
      return use([](std::uint8_t a, std::uint8_t b) { return OrOf(a, b); });
  }
}

}  // namespace tocsin
