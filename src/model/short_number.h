#pragma once

#include <bit>
#include <cstdint>

#include "base/bytes.h"
#include "base/digit_word.h"

// JSON numbers without sign and exponent that end within eight bytes, read by arithmetic on the
// eight bytes at once.
namespace tocsin {

// How the digits of a decimal lie: a metric is mostly printed with as many of them as the last
// time.
struct DecimalLayout {
  // Of the marks of bytes that are no digits: those up to the end of the number, and what they are.
  std::uint64_t mask = 0, others = ~std::uint64_t{0};  // no number, until one was read
  std::uint64_t before_point = 0;                      // mask of the bytes before the point
  std::uint64_t zero_first = 0;                        // 1: a zero may come first
  std::uint32_t whole = 0, size = 0;                   // digits before the point, bytes in all
  std::uint32_t shift = 0;                             // moves the digits to the highest bytes
  double power = 1;                                    // of ten, what the digits are divided by
};

class ShortNumber {
 public:
  explicit ShortNumber(const char* at) : at_(at) {
    digits_ = GetFixed<std::uint64_t>(at) ^ kZeroDigits;
    others_ = AboveNine(digits_);
  }

  // Gives where the number ends; nullptr when it does not lie so. A decimal is one division of
  // exact operands, so it is the nearest double.
  const char* ReadAs(const DecimalLayout& layout, double& value) const {
    if ((others_ & layout.mask) != layout.others || at_[layout.whole] != '.' ||
        ((digits_ & 0xff) | layout.zero_first) == 0) {
      return nullptr;
    }
    value = static_cast<double>(NumberOfDigits(WithoutPoint(layout.before_point) << layout.shift)) /
            layout.power;
    return WithoutExponent(at_ + layout.size);
  }

  // The same of any layout, and remembers it.
  const char* Read(DecimalLayout& layout, double& value) const {
    const std::uint64_t after_point = others_ & (others_ - 1);
    if (after_point == 0) return nullptr;
    const unsigned whole = LowestByte(others_);
    const std::uint64_t first = digits_ & 0xff;
    // A zero stands alone, and a number begins with a digit.
    if (first - 1 > 8 && (first != 0 || whole != 1)) return nullptr;
    if (at_[whole] != '.') {
      value = static_cast<double>(NumberOfDigits(digits_ << 8 * (8 - whole)));
      return WithoutExponent(at_ + whole);
    }
    const unsigned size = LowestByte(after_point);
    if (size == whole + 1) return nullptr;
    layout.before_point = (others_ ^ (others_ - 1)) >> 8;
    layout.mask = (after_point ^ (after_point - 1)) & kHighBits;
    layout.others = others_ & layout.mask;
    layout.zero_first = whole == 1 ? 1 : 0;
    layout.whole = whole;
    layout.size = size;
    layout.shift = 8 * (9 - size);
    layout.power = kPowersOfTen[size - whole - 1];
    return ReadAs(layout, value);
  }

 private:
  static constexpr double kPowersOfTen[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5};

  // The place of the lowest byte whose high bit is set.
  static unsigned LowestByte(std::uint64_t bits) {
    return static_cast<unsigned>(std::countr_zero(bits)) / 8;
  }
  static const char* WithoutExponent(const char* end) {
    return (*end | 0x20) == 'e' ? nullptr : end;
  }
  std::uint64_t WithoutPoint(std::uint64_t before) const {
    return (digits_ & before) | (digits_ >> 8 & ~before);
  }

  const char* at_;
  std::uint64_t digits_, others_;
};

}  // namespace tocsin
