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

double ExactSum::Rescan(const ReadingRing& ring, std::uint32_t end) {
  ExpansionSum sum;
  for (std::uint32_t i = 0; i < end; ++i) sum.Add(ring[i].x);
  return sum.Value();
}

}  // namespace tocsin
