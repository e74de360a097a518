#pragma once

#include <bit>
#include <cstdint>

#include "functions/exact_integer.h"

// The arithmetic of exact sums for the readings that nearly all sensors send, in two machine words
// where exact_sum.h needs three to six.
namespace tocsin {

__extension__ using Int128 = __int128;

// A reading is *near* when |x| < 2^30 and no bit of it is finer than 2^-72: any double from 1e-6 to
// 1e9, and shorter ones below. 2^24 of these have a sum within 126 bits, and a sum of
// squares within 228.
inline constexpr int kNearExponent = -72;

// Writes x * 2^72. False when x is not near.
inline bool ToNear(double x, Int128& units) {
  constexpr std::uint64_t kHidden = std::uint64_t{1} << 52;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  // Of the last bit of the mantissa, in units of 2^-72.
  const int shift = (static_cast<int>(bits >> 52) & 0x7ff) - 1075 - kNearExponent;
  std::uint64_t mantissa = (bits & (kHidden - 1)) | kHidden;
  Int128 magnitude = 0;
  if (shift >= 0 && shift < 50) [[likely]] {
    magnitude = static_cast<Int128>(mantissa) << shift;
  } else if ((bits << 1) != 0) {
    if (shift >= 50 || shift < -52) return false;
    const auto drop = static_cast<unsigned>(-shift);
    if ((mantissa & ((std::uint64_t{1} << drop) - 1)) != 0) return false;
    magnitude = static_cast<Int128>(mantissa >> drop);
  }
  const auto sign = static_cast<Int128>(static_cast<std::int64_t>(bits) >> 63);
  units = (magnitude ^ sign) - sign;
  return true;
}

inline Uint128 MagnitudeOf(Int128 value) {
  return value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

// 2^exponent, a normal double.
inline double PowerOfTwo(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
}

// The double nearest to value * 2^exponent (ties to even). It must be a normal double, or 0.
inline double RoundedNear(Uint128 value, int exponent) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  const auto low = static_cast<std::uint64_t>(value);
  if (high == 0 && (low >> 63) == 0) {
    return static_cast<double>(static_cast<std::int64_t>(low)) * PowerOfTwo(exponent);
  }
  // The 63 highest bits; what lies below only decides between "half" and "more than half".
  const unsigned width = high == 0 ? 64 : 128 - static_cast<unsigned>(std::countl_zero(high));
  const unsigned shift = width - 63;
  const bool rest = (value << (128 - shift)) != 0;
  const auto head = static_cast<std::int64_t>(value >> shift) | (rest ? 1 : 0);
  return static_cast<double>(head) * PowerOfTwo(exponent + static_cast<int>(shift));
}
inline double RoundedNear(Int128 value, int exponent) {
  const double magnitude = RoundedNear(MagnitudeOf(value), exponent);
  return value < 0 ? -magnitude : magnitude;
}

// An integer from 0 to 2^256 - 1. The caller sees to it that nothing leaves that range.
struct Uint256 {
  Uint128 low = 0, high = 0;

  // value < 2^127.
  static Uint256 SquareOf(Uint128 value) {
    const Uint128 a = static_cast<std::uint64_t>(value);
    const Uint128 b = static_cast<std::uint64_t>(value >> 64);
    const Uint128 middle = a * b;  // counts twice, at 2^64
    Uint256 result{a * a, b * b + (middle >> 63)};
    result.Add({middle << 65, 0});
    return result;
  }
  Uint256 Times(std::uint32_t n) const {
    const Uint128 a = static_cast<std::uint64_t>(low);
    const Uint128 b = static_cast<std::uint64_t>(low >> 64);
    const Uint128 middle = b * n;
    Uint256 result{a * n, high * n + (middle >> 64)};
    result.Add({middle << 64, 0});
    return result;
  }
  void Add(const Uint256& other) {
    low += other.low;
    high += other.high + (low < other.low ? 1 : 0);
  }
  void Subtract(const Uint256& other) {
    high -= other.high + (low < other.low ? 1 : 0);
    low -= other.low;
  }
  // As RoundedNear().
  double Rounded(int exponent) const {
    if (high == 0) return RoundedNear(low, exponent);
    const auto top = static_cast<std::uint64_t>(high >> 64);
    const unsigned width =
        top == 0 ? 192 - static_cast<unsigned>(std::countl_zero(static_cast<std::uint64_t>(high)))
                 : 256 - static_cast<unsigned>(std::countl_zero(top));
    const unsigned shift = width - 63;  // 66 at least
    Uint128 head = 0;
    bool rest = false;
    if (shift < 128) {
      head = high << (128 - shift) | low >> shift;
      rest = low << (128 - shift) != 0;
    } else {
      head = high >> (shift - 128);
      rest = low != 0 || (shift > 128 && high << (256 - shift) != 0);
    }
    return static_cast<double>(static_cast<std::int64_t>(head) | (rest ? 1 : 0)) *
           PowerOfTwo(exponent + static_cast<int>(shift));
  }
};

}  // namespace tocsin
