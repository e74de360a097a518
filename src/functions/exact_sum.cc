#include "functions/exact_sum.h"

namespace tocsin {

void ExpansionSum::Add(double x) {
  std::size_t kept = 0;
  for (double y : parts_) {
    if (std::fabs(x) < std::fabs(y)) std::swap(x, y);
    const double high = x + y;
    const double low = y - (high - x);
    if (low != 0) parts_[kept++] = low;
    x = high;
  }
  parts_.resize(kept);
  parts_.push_back(x);
}

double ExpansionSum::Value() const {
  if (parts_.empty()) return 0;
  std::size_t n = parts_.size();
  double high = parts_[--n];
  double low = 0;
  while (n > 0 && low == 0) {
    const double x = high;
    const double y = parts_[--n];
    high = x + y;
    low = y - (high - x);
  }
  // Half an ulp was rounded to even; the parts below say on which side of the half the sum lies.
  if (n > 0 && ((low < 0 && parts_[n - 1] < 0) || (low > 0 && parts_[n - 1] > 0))) {
    const double twice = low * 2;
    const double other = high + twice;
    if (twice == other - high) high = other;
  }
  return high;
}

double ExactSum::Rescan(ReadingView window) {
  ExpansionSum sum;
  for (std::uint32_t i = 0; i < window.size(); ++i) sum.Add(window[i].x);
  return sum.Value();
}

void ExactSum::ChangeFar(double x, bool remove) {
  if (far_ == nullptr) far_ = std::make_unique<Far>();
  const std::uint32_t one = remove ? ~std::uint32_t{0} : 1;
  const FixedPoint fixed = ToFixedPoint(x);
  if (fixed.inside) {
    far_->sum.AddShifted(fixed.mantissa, fixed.shift, fixed.negative != remove);
  } else {
    far_->outside += one;
  }
  far_->readings += one;
  if (far_->readings == 0) far_ = nullptr;
}

double ExactSum::WithFar(ReadingView window) const {
  if (far_->outside != 0) return Rescan(window);
  ExactInteger<3> sum = far_->sum;
  AddNear(sum, near_);
  return sum.ToDouble(kFixedExponent);
}

}  // namespace tocsin
