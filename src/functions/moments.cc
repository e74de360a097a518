#include "functions/moments.h"

#include <cmath>
#include <limits>

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

// What follows is for windows with a reading beyond the exact sums. Values are taken relative to
// the first one: readings that are all equal have no spread and no slope at all, whatever their
// magnitude. The error of a mean is about 1e-19 of the largest value in the window.
struct TwoPass {
  long double first = 0;    // the first value
  long double mean = 0;     // of x - first
  long double squares = 0;  // sum of (x - first - mean)^2

  long double Distance(double x) const { return static_cast<long double>(x) - first - mean; }
};

TwoPass Rescan(ReadingView window, std::uint32_t n) {
  TwoPass result;
  result.first = static_cast<long double>(window[0].x);
  long double sum = 0;
  for (std::uint32_t i = 0; i < n; ++i) sum += result.Distance(window[i].x);
  result.mean = sum / n;
  long double rest = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const long double d = result.Distance(window[i].x);
    result.squares += d * d;
    rest += d;
  }
  result.squares -= rest * rest / n;
  if (result.squares < 0) result.squares = 0;
  return result;
}

double RescanSlope(ReadingView window, std::uint32_t n) {
  const std::int64_t first = window[0].t_us;
  const TwoPass values = Rescan(window, n);
  long double mean_t = 0;
  for (std::uint32_t i = 0; i < n; ++i) mean_t += static_cast<long double>(window[i].t_us - first);
  mean_t /= n;
  long double over = 0, under = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const long double dt = static_cast<long double>(window[i].t_us - first) - mean_t;
    over += dt * values.Distance(window[i].x);
    under += dt * dt;
  }
  return static_cast<double>(over / under * 1e6L);
}

}  // namespace

void ValueMoments::ChangeFar(double x, bool remove) {
  if (far_ == nullptr) far_ = std::make_unique<Far>();
  const std::uint32_t one = remove ? ~std::uint32_t{0} : 1;
  const FixedPoint fixed = ToFixedPoint(x);
  if (fixed.inside) {
    far_->sum.AddShifted(fixed.mantissa, fixed.shift, fixed.negative != remove);
    far_->squares.AddShifted(Uint128{fixed.mantissa} * fixed.mantissa, 2 * fixed.shift, remove);
  } else {
    far_->outside += one;
  }
  far_->readings += one;
  if (far_->readings == 0) far_ = nullptr;
}

ExactInteger<3> ValueMoments::WholeSum() const {
  ExactInteger<3> sum;
  if (far_ != nullptr) sum = far_->sum;
  AddNear(sum, sum_);
  return sum;
}

double ValueMoments::Spread(std::uint32_t n) const {
  if (far_ == nullptr) return NearSpread(n);
  constexpr unsigned kShift = 2 * (kNearExponent - kFixedExponent);
  ExactInteger<6> squares = far_->squares;
  squares.AddShifted(squares_.low(), kShift, false);
  squares.AddShifted(squares_.high(), kShift + 128, false);
  const ExactInteger<3> sum = WholeSum();
  ExactInteger<7> spread = tocsin::Times(squares, n);
  spread.Subtract(Multiply(sum, sum));
  return spread.ToDouble(2 * kFixedExponent);
}

double ValueMoments::StandardDeviation(ReadingView window, std::uint32_t n) const {
  if (!has_outside()) return std::sqrt(Spread(n)) / n;
  return static_cast<double>(std::sqrt(Rescan(window, n).squares / n));
}

double ValueMoments::Score(ReadingView window, std::uint32_t n, double x) const {
  const FixedPoint fixed = ToFixedPoint(x);
  if (!has_outside() && fixed.inside) {
    const double spread = Spread(n);
    if (spread == 0) return kNull;
    Int128 units = 0;
    if (far_ == nullptr && ToNear(x, units)) {
      return RoundedNear(units * n - sum_, kNearExponent) / std::sqrt(spread);
    }
    ExactInteger<4> distance;
    distance.AddShifted(Uint128{fixed.mantissa} * n, fixed.shift, fixed.negative);
    distance.Subtract(WholeSum());
    return distance.ToDouble(kFixedExponent) / std::sqrt(spread);
  }
  const TwoPass passes = Rescan(window, n);
  const long double deviation = std::sqrt(passes.squares / n);
  if (!(deviation > 0)) return kNull;
  return static_cast<double>(passes.Distance(x) / deviation);
}

void LineMoments::Change(const Reading& reading, bool remove) {
  const FixedPoint fixed = ToFixedPoint(reading.x);
  if (!fixed.inside) outside += remove ? ~std::uint32_t{0} : 1;
  const bool before_epoch = reading.t_us < 0;
  const auto us = static_cast<std::uint64_t>(before_epoch ? -reading.t_us : reading.t_us);
  t.AddShifted(us, 0, before_epoch != remove);
  tt.AddShifted(Uint128{us} * us, 0, remove);
  if (!fixed.inside) return;
  x.AddShifted(fixed.mantissa, fixed.shift, fixed.negative != remove);
  tx.AddShifted(Uint128{us} * fixed.mantissa, fixed.shift,
                (fixed.negative != before_epoch) != remove);
}

double LineMoments::Slope(ReadingView window, std::uint32_t n) const {
  ExactInteger<4> under = Times(tt, n);
  under.Subtract(Multiply(t, t));
  if (under.zero()) return kNull;
  if (outside != 0) return RescanSlope(window, n);
  ExactInteger<5> over = Times(tx, n);
  over.Subtract(Multiply(t, x));
  return over.ToDouble(kFixedExponent) / under.ToDouble(0) * 1e6;
}

}  // namespace tocsin
