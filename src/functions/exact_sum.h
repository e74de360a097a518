#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "functions/exact_integer.h"
#include "functions/near_sum.h"
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

// The sum of readings: of the near ones in near_sum.h, and while there are others also those.
class ExactSum {
 public:
  void Add(const Reading& reading) { Change(reading.x, false); }
  void Remove(const Reading& reading) { Change(reading.x, true); }
  // The same of near readings.
  void SlideNear(Int128 entered, Int128 left) { near_ += entered - left; }
  bool all_near() const { return far_ == nullptr; }

  // Correctly rounded. `window` holds the readings that were added.
  double Value(ReadingView window) const { return all_near() ? NearValue() : WithFar(window); }
  double NearValue() const { return RoundedNear(near_, kNearExponent); }
  static double Rescan(ReadingView window);
  std::size_t bytes() const { return far_ == nullptr ? 0 : sizeof(Far); }

 private:
  struct Far {
    ExactInteger<3> sum;  // of those inside the fixed-point range
    std::uint32_t readings = 0;
    std::uint32_t outside = 0;  // of these
  };
  void Change(double x, bool remove) {
    Int128 units = 0;
    if (ToNear(x, units)) [[likely]] {
      near_ += remove ? -units : units;
    } else {
      ChangeFar(x, remove);
    }
  }
  void ChangeFar(double x, bool remove);
  double WithFar(ReadingView window) const;

  Int128 near_ = 0;
  std::unique_ptr<Far> far_;
};

// In units of 2^kFixedExponent.
template <std::size_t kLimbs>
void AddNear(ExactInteger<kLimbs>& to, Int128 near) {
  to.AddShifted(MagnitudeOf(near), kNearExponent - kFixedExponent, near < 0);
}

}  // namespace tocsin
