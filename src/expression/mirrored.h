#pragma once

#include "expression/expression.h"

namespace tocsin {

// The operator with its sides exchanged: `50 <= t` is `t >= 50`.
constexpr Operator Mirrored(Operator op) {
  switch (op) {
    case Operator::kLess:
      return Operator::kGreater;
    case Operator::kLessEqual:
      return Operator::kGreaterEqual;
    case Operator::kGreater:
      return Operator::kLess;
    case Operator::kGreaterEqual:
      return Operator::kLessEqual;
    default:
      return op;
  }
}

}  // namespace tocsin
