#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "functions/function.h"

namespace tocsin {

inline constexpr double kNullNumber = std::numeric_limits<double>::quiet_NaN();

inline constexpr double kLargestReading = 1e300;

// Row i of the argument as a number: of a truth 1 when true and 0 when not. False when it is null.
// What is no number or beyond kLargestReading counts as null, so that no sum overflows; -0 becomes
// 0, so that equal readings are equal in all bits.
inline bool SampleAt(const ArgumentColumn& argument, std::size_t i, double& x) {
  if (!argument.truth.empty()) {
    x = argument.truth[i] == kTrue ? 1 : 0;
    return argument.truth[i] != kUnknown;
  }
  if (argument.number.empty()) return false;  // a function without a metric
  if (!argument.null.empty() && argument.null[i] != 0) return false;
  x = argument.number[i] + 0.0;
  return std::fabs(x) <= kLargestReading;
}

// All rows at once: `x` has one place for each. False when SampleAt is, at some row.
inline bool ReadSamples(const ArgumentColumn& argument, std::span<double> x) {
  unsigned unknown = 0;
  if (!argument.truth.empty()) {
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = argument.truth[i] == kTrue ? 1 : 0;
      unknown |= argument.truth[i] == kUnknown ? 1u : 0u;
    }
    return unknown == 0;
  }
  if (argument.number.empty()) {
    std::ranges::fill(x, 0);
    return false;
  }
  bool all = true;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = argument.number[i] + 0.0;
    all &= std::fabs(x[i]) <= kLargestReading;
  }
  for (const std::uint8_t null : argument.null) unknown |= null;
  return all && unknown == 0;
}

}  // namespace tocsin
