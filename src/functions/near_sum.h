#pragma once

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include <array>
#include <bit>
#include <cstddef>
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
  std::uint64_t low = (bits & (kHidden - 1)) | kHidden;
  std::uint64_t high = 0;
  if (shift >= 0 && shift < 50) [[likely]] {
    high = low >> 1 >> (63 - shift);
    low <<= shift;
  } else if ((bits << 1) == 0) {
    low = 0;
  } else {
    if (shift >= 50 || shift < -52) return false;
    const auto drop = static_cast<unsigned>(-shift);
    if ((low & ((std::uint64_t{1} << drop) - 1)) != 0) return false;
    low >>= drop;
  }
  const auto sign = static_cast<Int128>(static_cast<std::int64_t>(bits) >> 63);
  units = (static_cast<Int128>(Uint128{high} << 64 | low) ^ sign) - sign;
  return true;
}

// Readings of one column in units, side by side so that the compiler works on several at once.
struct NearColumn {
  static constexpr std::size_t kSize = 16;
  using Words = std::array<std::uint64_t, kSize>;
  alignas(32) Words low = {};
  alignas(32) Words high = {};
  alignas(32) Words far = {};  // 0 where the reading is near and not smaller than 2^-20, or 0

  Int128 At(std::size_t i) const { return static_cast<Int128>(Uint128{high[i]} << 64 | low[i]); }
  void Set(const std::array<double, kSize>& x) {
    constexpr std::uint64_t kHidden = std::uint64_t{1} << 52;
    for (std::size_t i = 0; i < kSize; ++i) {
      const auto bits = std::bit_cast<std::uint64_t>(x[i]);
      const std::uint64_t zero = (bits << 1) == 0 ? ~std::uint64_t{0} : 0;
      const std::uint64_t shift = ((bits >> 52) & 0x7ff) - (1075 + kNearExponent);
      const std::uint64_t outside = shift < 50 ? 0 : ~std::uint64_t{0};
      const std::uint64_t by = shift & ~outside;
      const std::uint64_t mantissa = ((bits & (kHidden - 1)) | kHidden) & ~zero;
      const std::uint64_t sign = -(bits >> 63);
      const std::uint64_t magnitude = mantissa << by;
      low[i] = (magnitude ^ sign) - sign;
      high[i] = ((mantissa >> 1 >> (63 - by)) ^ sign) + (low[i] == 0 ? sign & 1 : 0);
      far[i] = outside & ~zero;
    }
  }
};

inline Uint128 MagnitudeOf(Int128 value) {
  return value < 0 ? -static_cast<Uint128>(value) : static_cast<Uint128>(value);
}

// 2^exponent, a normal double.
inline double PowerOfTwo(int exponent) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(1023 + exponent) << 52);
}

// The double nearest to (high * 2^64 + low) * 2^exponent (ties to even), for 4 <= |high| < 2^52.
// With `rest`, to what lies between that and the next integer.
inline double RoundedWords(std::int64_t high, std::uint64_t low, bool rest, int exponent) {
  // Both products are exact. The low word keeps 53 bits, the last of them standing for all that was
  // dropped: it is two places below the last bit of the sum, or more, so that the one rounding, of
  // the addition, goes where that of the exact sum would.
  const std::uint64_t dropped = low & 0x7ff;
  const std::uint64_t kept = low >> 11 | ((dropped != 0) | rest ? 1 : 0);
  return static_cast<double>(high) * PowerOfTwo(exponent + 64) +
         static_cast<double>(static_cast<std::int64_t>(kept)) * PowerOfTwo(exponent + 11);
}
inline bool FitsRoundedWords(std::int64_t high) {
  const auto magnitude = static_cast<std::uint64_t>(high ^ (high >> 63));  // or one less
  return magnitude - 4 < (std::uint64_t{1} << 52) - 4;
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
  const auto high = static_cast<std::int64_t>(value >> 64);
  if (FitsRoundedWords(high)) [[likely]] {
    return RoundedWords(high, static_cast<std::uint64_t>(value), false, exponent);
  }
  const double magnitude = RoundedNear(MagnitudeOf(value), exponent);
  return value < 0 ? -magnitude : magnitude;
}

// a + b + carry into `sum`; gives the carry, 0 or 1. By name, since the compiler makes branches of
// the comparisons that say the same, and nobody can foresee a carry.
inline unsigned char AddCarry(std::uint64_t a, std::uint64_t b, unsigned char carry,
                              std::uint64_t& sum) {
#ifdef __x86_64__
  unsigned long long result = 0;
  carry = _addcarry_u64(carry, a, b, &result);
  sum = result;
  return carry;
#else
  const Uint128 result = Uint128{a} + b + carry;
  sum = static_cast<std::uint64_t>(result);
  return static_cast<unsigned char>(result >> 64);
#endif
}
inline unsigned char SubtractBorrow(std::uint64_t a, std::uint64_t b, unsigned char borrow,
                                    std::uint64_t& difference) {
#ifdef __x86_64__
  unsigned long long result = 0;
  borrow = _subborrow_u64(borrow, a, b, &result);
  difference = result;
  return borrow;
#else
  const Uint128 result = Uint128{a} - b - borrow;
  difference = static_cast<std::uint64_t>(result);
  return static_cast<unsigned char>(result >> 64 & 1);
#endif
}

// An integer from 0 to 2^256 - 1, lowest word first. The caller sees to it that nothing leaves that
// range.
struct Uint256 {
  std::uint64_t word[4] = {};

  // value < 2^127.
  static Uint256 SquareOf(Uint128 value) {
    const auto a = static_cast<std::uint64_t>(value);
    const auto b = static_cast<std::uint64_t>(value >> 64);
    const Uint128 low = Uint128{a} * a, high = Uint128{b} * b;
    const Uint128 middle = Uint128{a} * b << 1;  // at 2^64
    Uint256 result;
    result.word[0] = static_cast<std::uint64_t>(low);
    unsigned char carry = AddCarry(static_cast<std::uint64_t>(low >> 64),
                                   static_cast<std::uint64_t>(middle), 0, result.word[1]);
    carry = AddCarry(static_cast<std::uint64_t>(high), static_cast<std::uint64_t>(middle >> 64),
                     carry, result.word[2]);
    AddCarry(static_cast<std::uint64_t>(high >> 64), 0, carry, result.word[3]);
    return result;
  }
  Uint256 Times(std::uint32_t n) const {
    Uint256 result;
    Uint128 step = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      step = Uint128{word[i]} * n + (step >> 64);
      result.word[i] = static_cast<std::uint64_t>(step);
    }
    return result;
  }
  void Add(const Uint256& other) {
    unsigned char carry = 0;
    for (std::size_t i = 0; i < 4; ++i) carry = AddCarry(word[i], other.word[i], carry, word[i]);
  }
  void Subtract(const Uint256& other) {
    unsigned char borrow = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      borrow = SubtractBorrow(word[i], other.word[i], borrow, word[i]);
    }
  }
  Uint128 low() const { return Uint128{word[1]} << 64 | word[0]; }
  Uint128 high() const { return Uint128{word[3]} << 64 | word[2]; }
  // As RoundedNear().
  double Rounded(int exponent) const {
    const auto third = static_cast<std::int64_t>(word[2]);
    if (word[3] == 0 && third >= 4 && FitsRoundedWords(third)) [[likely]] {
      return RoundedWords(third, word[1], word[0] != 0, exponent + 64);
    }
    return RoundedAnywhere(exponent);
  }

 private:
  double RoundedAnywhere(int exponent) const {
    const Uint128 l = low(), h = high();
    if (h == 0) return RoundedNear(l, exponent);
    const unsigned width = word[3] == 0 ? 192 - static_cast<unsigned>(std::countl_zero(word[2]))
                                        : 256 - static_cast<unsigned>(std::countl_zero(word[3]));
    const unsigned shift = width - 63;  // 66 at least
    Uint128 head = 0;
    bool rest = false;
    if (shift < 128) {
      head = h << (128 - shift) | l >> shift;
      rest = l << (128 - shift) != 0;
    } else {
      head = h >> (shift - 128);
      rest = l != 0 || (shift > 128 && h << (256 - shift) != 0);
    }
    return static_cast<double>(static_cast<std::int64_t>(head) | (rest ? 1 : 0)) *
           PowerOfTwo(exponent + static_cast<int>(shift));
  }
};

}  // namespace tocsin
