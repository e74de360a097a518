#pragma once

#include <cstdint>

#include "functions/exact_sum.h"

// Exact moments of the readings in a window. Where a reading lies outside the fixed-point range of
// exact_sum.h, the values come from two passes over the window in long double instead.
namespace tocsin {

// Of the values: for standard deviations.
struct ValueMoments {
  ExactInteger<3> sum;      // in units of 2^-112
  ExactInteger<6> squares;  // in units of 2^-224
  std::uint32_t outside = 0;

  void Add(const Reading& reading) { Change(reading.x, false); }
  void Remove(const Reading& reading) { Change(reading.x, true); }

  // Population standard deviation of the `n` > 0 readings ring[0, n) that were added.
  double StandardDeviation(const ReadingRing& ring, std::uint32_t n) const;
  // (x - average) / standard deviation; NaN when that is 0.
  double Score(const ReadingRing& ring, std::uint32_t n, double x) const;

 private:
  void Change(double x, bool remove);
  double Spread(std::uint32_t n) const;  // n * n * variance
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

  // Slope per second of the line through ring[0, n); NaN when all times are equal.
  double Slope(const ReadingRing& ring, std::uint32_t n) const;

 private:
  void Change(const Reading& reading, bool remove);
};

}  // namespace tocsin
