#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace tocsin {

__extension__ using Uint128 = unsigned __int128;

// A signed integer of kLimbs * 64 bits in two's complement, lowest limb first.
// The caller sees to it that nothing overflows; overflow wraps.
template <std::size_t kLimbs>
struct ExactInteger {
  std::array<std::uint64_t, kLimbs> limb{};

  bool negative() const { return (limb[kLimbs - 1] >> 63) != 0; }
  bool zero() const {
    std::uint64_t any = 0;
    for (const std::uint64_t l : limb) any |= l;
    return any == 0;
  }

  // *this += or -= magnitude * 2^shift.
  void AddShifted(Uint128 magnitude, unsigned shift, bool subtract) {
    const unsigned bit = shift % 64;
    const Uint128 low = magnitude << bit;
    const std::uint64_t part[3] = {
        static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(low >> 64),
        bit == 0 ? 0 : static_cast<std::uint64_t>(magnitude >> (128 - bit))};
    const std::size_t first = shift / 64;
    if (subtract) {
      Carry<SubtractLimb>(part, first);
    } else {
      Carry<AddLimb>(part, first);
    }
  }

  template <std::size_t kOther>
  void Subtract(const ExactInteger<kOther>& other) {
    static_assert(kOther <= kLimbs);
    const std::uint64_t extension = other.negative() ? ~std::uint64_t{0} : 0;
    bool carry = false;
    for (std::size_t i = 0; i < kLimbs; ++i) {
      carry = SubtractLimb(limb[i], i < kOther ? other.limb[i] : extension, carry);
    }
  }

  ExactInteger Magnitude() const {
    if (!negative()) return *this;
    ExactInteger result;
    result.Subtract(*this);
    return result;
  }

  // The double nearest to *this * 2^exponent (ties to even). The result must
  // lie in the range of normal doubles, or be 0.
  double ToDouble(int exponent) const {
    const ExactInteger m = Magnitude();
    std::size_t top = kLimbs;
    while (top > 0 && m.limb[top - 1] == 0) --top;
    if (top == 0) return 0;
    // The 64 highest bits; what lies below only decides between "half" and
    // "more than half".
    const auto empty = static_cast<unsigned>(std::countl_zero(m.limb[top - 1]));
    std::uint64_t head = m.limb[top - 1] << empty;
    std::uint64_t rest = 0;
    if (top >= 2) {
      if (empty != 0) head |= m.limb[top - 2] >> (64 - empty);
      rest = m.limb[top - 2] << empty;
      for (std::size_t i = 0; i + 2 < top; ++i) rest |= m.limb[i];
    }
    if (rest != 0) head |= 1;
    const int scale = exponent + static_cast<int>(top - 1) * 64 - static_cast<int>(empty);
    const double power = std::bit_cast<double>(static_cast<std::uint64_t>(1023 + scale) << 52);
    const double value = static_cast<double>(head) * power;
    return negative() ? -value : value;
  }

 private:
  using LimbStep = bool (*)(std::uint64_t& to, std::uint64_t value, bool carry);
  // The carry seldom goes further than the limbs of `part`.
  template <LimbStep kStep>
  void Carry(const std::uint64_t (&part)[3], std::size_t first) {
    bool carry = kStep(limb[first], part[0], false);
    if (first + 1 < kLimbs) carry = kStep(limb[first + 1], part[1], carry);
    if (first + 2 < kLimbs) carry = kStep(limb[first + 2], part[2], carry);
    for (std::size_t i = first + 3; carry && i < kLimbs; ++i) carry = kStep(limb[i], 0, carry);
  }
  static bool AddLimb(std::uint64_t& to, std::uint64_t value, bool carry) {
    std::uint64_t sum = 0;
    const bool first = __builtin_add_overflow(to, value, &sum);
    const bool second = __builtin_add_overflow(sum, std::uint64_t{carry}, &to);
    return first || second;
  }
  static bool SubtractLimb(std::uint64_t& from, std::uint64_t value, bool borrow) {
    std::uint64_t rest = 0;
    const bool first = __builtin_sub_overflow(from, value, &rest);
    const bool second = __builtin_sub_overflow(rest, std::uint64_t{borrow}, &from);
    return first || second;
  }
};

template <std::size_t kA, std::size_t kB>
ExactInteger<kA + kB> Multiply(const ExactInteger<kA>& a, const ExactInteger<kB>& b) {
  const ExactInteger<kA> x = a.Magnitude();
  const ExactInteger<kB> y = b.Magnitude();
  ExactInteger<kA + kB> product;
  for (std::size_t i = 0; i < kA; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t k = 0; k < kB; ++k) {
      const Uint128 step = Uint128{x.limb[i]} * y.limb[k] + product.limb[i + k] + carry;
      product.limb[i + k] = static_cast<std::uint64_t>(step);
      carry = static_cast<std::uint64_t>(step >> 64);
    }
    product.limb[i + kB] = carry;
  }
  if (a.negative() == b.negative()) return product;
  ExactInteger<kA + kB> result;
  result.Subtract(product);
  return result;
}

// n * a, for n below 2^32.
template <std::size_t kA>
ExactInteger<kA + 1> Times(const ExactInteger<kA>& a, std::uint32_t n) {
  return Multiply(a, ExactInteger<1>{{n}});
}

}  // namespace tocsin
