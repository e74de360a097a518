#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>

// Order statistics of n > 0 ascending values `at[0]` to `at[n - 1]`, by few look-ups.
namespace tocsin {

// The mean of the two middle values when n is even.
template <class Sorted>
double MedianOf(const Sorted& at, std::uint32_t n) {
  return std::midpoint(at[(n - 1) / 2], at[n / 2]);
}

// With linear interpolation at rank (n - 1) * q, 0 <= q <= 1.
template <class Sorted>
double QuantileOf(const Sorted& at, std::uint32_t n, double q) {
  const double rank = (n - 1) * q;
  const double below = std::floor(rank);
  const auto i = static_cast<std::uint32_t>(below);
  if (i >= n - 1) return at[n - 1];
  const double low = at[i];
  return low + (rank - below) * (at[i + 1] - low);
}

// Median of |value - center|. Values below the center have distances that rise towards the left,
// the others towards the right: two ascending sequences, of which the middle of the union is
// sought by halving.
template <class Sorted>
double MedianDistance(const Sorted& at, std::uint32_t n, double center) {
  std::uint32_t split = 0;
  for (std::uint32_t high = n; split < high;) {
    const std::uint32_t middle = split + (high - split) / 2;
    if (at[middle] < center) {
      split = middle + 1;
    } else {
      high = middle;
    }
  }
  const auto left = [&](std::uint32_t i) { return center - at[split - 1 - i]; };
  const auto right = [&](std::uint32_t i) { return at[split + i] - center; };
  const auto smallest = [&](std::uint32_t k) {  // the k-th smallest distance, from 0
    const std::uint32_t taken = k + 1;
    const std::uint32_t rights = n - split;
    std::uint32_t low = taken > rights ? taken - rights : 0;  // taken from the left
    std::uint32_t high = std::min(taken, split);
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (right(taken - middle - 1) <= left(middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    double largest = -std::numeric_limits<double>::infinity();
    if (low > 0) largest = left(low - 1);
    if (taken > low) largest = std::max(largest, right(taken - low - 1));
    return largest;
  };
  return n % 2 == 1 ? smallest(n / 2) : std::midpoint(smallest(n / 2 - 1), smallest(n / 2));
}

// (x - median) / (1.4826 * MAD); NaN when MAD is 0. The factor makes MAD an estimate of the
// standard deviation of normally distributed values: 1 / (inverse of the normal CDF at 3/4).
template <class Sorted>
double RobustScore(const Sorted& at, std::uint32_t n, double x) {
  const double center = MedianOf(at, n);
  const double spread = 1.4826 * MedianDistance(at, n, center);
  return spread > 0 ? (x - center) / spread : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace tocsin
