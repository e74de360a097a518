#include "base/clock.h"

#include <chrono>

namespace tocsin {
namespace {

template <class C>
std::int64_t NowUs() {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  return duration_cast<microseconds>(C::now().time_since_epoch()).count();
}

}  // namespace

std::int64_t SystemClock::WallUs() const {
  return NowUs<std::chrono::system_clock>();
}
std::int64_t SystemClock::SteadyUs() const {
  return NowUs<std::chrono::steady_clock>();
}

}  // namespace tocsin
