#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "functions/exact_sum.h"

// Exact moments of the readings in a window. Where a reading lies outside the fixed-point range of
// exact_sum.h, the values come from two passes over the window in long double instead.
namespace tocsin {

// Of the values: for standard deviations.
class ValueMoments {
 public:
  void Add(const Reading& reading) { Change(reading.x, false); }
  void Remove(const Reading& reading) { Change(reading.x, true); }
  // The same of near readings.
  void SlideNear(Int128 entered, Int128 left) {
    sum_ += entered - left;
    squares_.Add(Uint256::SquareOf(MagnitudeOf(entered)));
    squares_.Subtract(Uint256::SquareOf(MagnitudeOf(left)));
  }

  bool all_near() const { return far_ == nullptr; }

  // Population standard deviation of the `n` > 0 readings of `window`, those that were added.
  double StandardDeviation(ReadingView window, std::uint32_t n) const;
  double NearDeviation(std::uint32_t n) const { return std::sqrt(NearSpread(n)) / n; }
  // (x - average) / standard deviation; NaN when that is 0.
  double Score(ReadingView window, std::uint32_t n, double x) const;
  std::size_t bytes() const { return far_ == nullptr ? 0 : sizeof(Far); }

 private:
  // Of the readings that are not near (near_sum.h).
  struct Far {
    ExactInteger<3> sum;      // in units of 2^-112
    ExactInteger<6> squares;  // in units of 2^-224
    std::uint32_t readings = 0;
    std::uint32_t outside = 0;  // of these: outside the fixed-point range, in no sum
  };
  void Change(double x, bool remove) {
    Int128 units = 0;
    if (!ToNear(x, units)) [[unlikely]] {
      ChangeFar(x, remove);
    } else if (remove) {
      sum_ -= units;
      squares_.Subtract(Uint256::SquareOf(MagnitudeOf(units)));
    } else {
      sum_ += units;
      squares_.Add(Uint256::SquareOf(MagnitudeOf(units)));
    }
  }
  void ChangeFar(double x, bool remove);
  bool has_outside() const { return far_ != nullptr && far_->outside != 0; }
  double Spread(std::uint32_t n) const;  // n * n * variance
  double NearSpread(std::uint32_t n) const {
    Uint256 spread = squares_.Times(n);
    spread.Subtract(Uint256::SquareOf(MagnitudeOf(sum_)));
    return spread.Rounded(2 * kNearExponent);
  }
  ExactInteger<3> WholeSum() const;

  Int128 sum_ = 0;   // in units of 2^-72
  Uint256 squares_;  // in units of 2^-144
  std::unique_ptr<Far> far_;
};

// Of values over times: for the least-squares line.
struct LineMoments {
  ExactInteger<3> x;   // in units of 2^-112
  ExactInteger<4> tx;  // likewise, times microseconds
  ExactInteger<2> t;   // microseconds
  ExactInteger<3> tt;
  std::uint32_t outside = 0;

  void Add(const Reading& reading) { Change(reading, false); }
  void Remove(const Reading& reading) { Change(reading, true); }

  // Slope per second of the line through the `n` readings of `window`, those that were added; NaN
  // when all times are equal.
  double Slope(ReadingView window, std::uint32_t n) const;
  std::size_t bytes() const { return 0; }

 private:
  void Change(const Reading& reading, bool remove);
};

}  // namespace tocsin
