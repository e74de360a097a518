#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "functions/exact_integer.h"
#include "functions/reading_ring.h"

// Sums that are exact whatever the order of additions and removals, so that a value depends on the
// readings in the window alone.
namespace tocsin {

// A double as an integer multiple of 2^kFixedExponent. It is `inside` when |x| < 2^55 (3.6e16) and
// no bit of it is finer than 2^-112: any reading of a physical quantity from 1e-18 up. 2^24 of
// these have a sum within 192 bits, and a sum of squares within 384.
inline constexpr int kFixedExponent = -112;
struct FixedPoint {
  std::uint64_t mantissa = 0;
  unsigned shift = 0;  // |x| = mantissa * 2^(shift + kFixedExponent)
  bool negative = false;
  bool inside = false;
};
inline FixedPoint ToFixedPoint(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const int biased = static_cast<int>(bits >> 52) & 0x7ff;
  FixedPoint result;
  result.negative = (bits >> 63) != 0;
  if (biased == 0) {
    result.inside = (bits << 1) == 0;
    return result;
  }
  if (biased >= 1023 + 55) return result;
  result.mantissa = (bits & ((std::uint64_t{1} << 52) - 1)) | (std::uint64_t{1} << 52);
  const int shift = biased - 1075 - kFixedExponent;
  if (shift >= 0) {
    result.shift = static_cast<unsigned>(shift);
  } else {
    if (shift < -52) return result;
    const auto drop = static_cast<unsigned>(-shift);
    if ((result.mantissa & ((std::uint64_t{1} << drop) - 1)) != 0) return result;
    result.mantissa >>= drop;
  }
  result.inside = true;
  return result;
}

// Sum as non-overlapping doubles: exact for every finite double, at the cost of a few steps per
// addition. After J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic", 1997. No partial
// sum may lie beyond the largest double.
class ExpansionSum {
 public:
  void Add(double x);
  void Clear() { parts_.clear(); }
  // Correctly rounded.
  double Value() const;
  const std::vector<double>& parts() const { return parts_; }

 private:
  std::vector<double> parts_;  // ascending in magnitude
};

// The sum of the readings inside the fixed-point range, and how many there are outside.
struct ExactSum {
  ExactInteger<3> sum;
  std::uint32_t outside = 0;

  void Add(const Reading& reading) { Change(reading.x, false); }
  void Remove(const Reading& reading) { Change(reading.x, true); }

  // Correctly rounded. `ring` [0, end) are the readings that were added.
  double Value(const ReadingRing& ring, std::uint32_t end) const {
    return outside == 0 ? sum.ToDouble(kFixedExponent) : Rescan(ring, end);
  }
  static double Rescan(const ReadingRing& ring, std::uint32_t end);

 private:
  void Change(double x, bool remove) {
    const FixedPoint fixed = ToFixedPoint(x);
    if (fixed.inside) {
      sum.AddShifted(fixed.mantissa, fixed.shift, fixed.negative != remove);
    } else {
      outside += remove ? ~std::uint32_t{0} : 1;
    }
  }
};

// `whole` holds all readings of `ring`; the result those of [0, end). Touches the shorter side.
template <class Aggregate>
Aggregate PrefixOf(const Aggregate& whole, const ReadingRing& ring, std::uint32_t end) {
  if (end >= ring.size() / 2) {
    Aggregate result = whole;
    for (std::uint32_t i = end; i < ring.size(); ++i) result.Remove(ring[i]);
    return result;
  }
  Aggregate result;
  for (std::uint32_t i = 0; i < end; ++i) result.Add(ring[i]);
  return result;
}

}  // namespace tocsin
