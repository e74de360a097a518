#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

// The pieces of keyed state: numbers into bytes and back. Reading checks everything.
namespace tocsin {

// Times within +-2^60 microseconds (36,000 years): what arithmetic with windows cannot overflow.
inline constexpr std::int64_t kLargestTime = std::int64_t{1} << 60;

// A value that is a decimal of few digits, as sensors send them, takes 2 to 8 bytes; any other 9.
// varint: zigzag(mantissa) * 8 + decimals, value = mantissa / 10^decimals; or 7, then 8 bytes.
inline void PutValue(std::string& out, double value) {
  constexpr double kPower[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
  constexpr double kLargest = 0x1p50;
  for (unsigned decimals = 0; decimals < 7; ++decimals) {
    const double scaled = std::nearbyint(value * kPower[decimals]);
    if (!(std::fabs(scaled) < kLargest)) break;
    if (std::bit_cast<std::uint64_t>(scaled / kPower[decimals]) !=
        std::bit_cast<std::uint64_t>(value)) {
      continue;
    }
    if (scaled == 0 && std::signbit(value)) break;
    PutVarint(out, ZigZag(static_cast<std::int64_t>(scaled)) * 8 + decimals);
    return;
  }
  PutVarint(out, 7);
  PutFixed(out, value);
}

// Reads on from where it stands; after the first failure every read fails.
class StateReader {
 public:
  explicit StateReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  bool Number(std::uint64_t& value) {
    if (at_ != nullptr) at_ = ReadVarint(at_, end_, value);
    return at_ != nullptr;
  }
  bool Time(std::int64_t& value) {
    std::uint64_t raw = 0;
    if (!Number(raw)) return false;
    value = UnZigZag(raw);
    if (value > kLargestTime || value < -kLargestTime) at_ = nullptr;
    return at_ != nullptr;
  }
  // Finite values only.
  bool Value(double& value) {
    constexpr double kPower[] = {1, 10, 100, 1e3, 1e4, 1e5, 1e6};
    std::uint64_t raw = 0;
    if (!Number(raw)) return false;
    if (raw % 8 != 7) {
      value = static_cast<double>(UnZigZag(raw / 8)) / kPower[raw % 8];
      return true;
    }
    if (raw != 7 || end_ - at_ < 8) {
      at_ = nullptr;
      return false;
    }
    value = GetFixed<double>(at_);
    at_ = std::isfinite(value) ? at_ + 8 : nullptr;
    return at_ != nullptr;
  }
  // True when everything was read and nothing is left.
  bool Done() const { return at_ == end_; }

 private:
  const char* at_;
  const char* end_;
};

inline void PutTime(std::string& out, std::int64_t t_us) {
  PutVarint(out, ZigZag(t_us));
}

}  // namespace tocsin
