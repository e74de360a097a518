#include "functions/moments.h"

#include <cmath>
#include <limits>

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

struct TwoPass {
  long double mean = 0;
  long double squares = 0;  // sum of (x - mean)^2
};

TwoPass Rescan(const ReadingView& window, std::uint32_t n) {
  TwoPass result;
  result.mean = static_cast<long double>(ExactSum::Rescan(window)) / n;
  long double rest = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const long double d = static_cast<long double>(window[i].x) - result.mean;
    result.squares += d * d;
    rest += d;
  }
  result.squares -= rest * rest / n;
  if (result.squares < 0) result.squares = 0;
  return result;
}

double RescanSlope(const ReadingView& window, std::uint32_t n) {
  const std::int64_t first = window[0].t_us;
  const long double mean_x = Rescan(window, n).mean;
  long double mean_t = 0;
  for (std::uint32_t i = 0; i < n; ++i) mean_t += static_cast<long double>(window[i].t_us - first);
  mean_t /= n;
  long double over = 0, under = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    const long double dt = static_cast<long double>(window[i].t_us - first) - mean_t;
    over += dt * (static_cast<long double>(window[i].x) - mean_x);
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
  if (far_ == nullptr) {
    Uint256 spread = squares_.Times(n);
    spread.Subtract(Uint256::SquareOf(MagnitudeOf(sum_)));
    return spread.Rounded(2 * kNearExponent);
  }
  constexpr unsigned kShift = 2 * (kNearExponent - kFixedExponent);
  ExactInteger<6> squares = far_->squares;
  squares.AddShifted(squares_.low, kShift, false);
  squares.AddShifted(squares_.high, kShift + 128, false);
  const ExactInteger<3> sum = WholeSum();
  ExactInteger<7> spread = tocsin::Times(squares, n);
  spread.Subtract(Multiply(sum, sum));
  return spread.ToDouble(2 * kFixedExponent);
}

double ValueMoments::StandardDeviation(const ReadingView& window, std::uint32_t n) const {
  if (!has_outside()) return std::sqrt(Spread(n)) / n;
  return static_cast<double>(std::sqrt(Rescan(window, n).squares / n));
}

double ValueMoments::Score(const ReadingView& window, std::uint32_t n, double x) const {
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
  return static_cast<double>((static_cast<long double>(x) - passes.mean) / deviation);
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

double LineMoments::Slope(const ReadingView& window, std::uint32_t n) const {
  ExactInteger<4> under = Times(tt, n);
  under.Subtract(Multiply(t, t));
  if (under.zero()) return kNull;
  if (outside != 0) return RescanSlope(window, n);
  ExactInteger<5> over = Times(tx, n);
  over.Subtract(Multiply(t, x));
  return over.ToDouble(kFixedExponent) / under.ToDouble(0) * 1e6;
}

}  // namespace tocsin
