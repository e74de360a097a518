#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/bytes.h"

// Fields of a row in few bytes, losslessly, written and read without a branch that depends on their
// size. A field is a code of four bits, kept apart from it, and the bytes that the code says: a
// code of 0 to 8 is their number. Writers need kFieldSlack bytes of room behind the last field, and
// readers as many that are readable.
namespace tocsin {

inline constexpr std::size_t kFieldSlack = sizeof(std::uint64_t);

// Codes of metrics beside the number of bytes. Most readings are decimals of two places, and many
// others come from sensors that measure in single precision.
inline constexpr unsigned kNullField = 9;
inline constexpr unsigned kSingleField = 10;  // four bytes of a float
inline constexpr unsigned kDoubleField = 11;  // eight bytes
// The status of the row before.
inline constexpr unsigned kSameField = 15;

// Writes the lowest bytes of `word` that are not zero and their number as the code.
inline char* WriteField(char* at, std::uint64_t word, unsigned& code) {
  std::memcpy(at, &word, sizeof word);
  code = (static_cast<unsigned>(std::bit_width(word)) + 7) / 8;
  return at + code;
}

inline std::uint64_t ReadField(const char*& at, unsigned code) {
  constexpr std::uint64_t kMasks[] = {0,
                                      0xff,
                                      0xffff,
                                      0xff'ffff,
                                      0xffff'ffff,
                                      0xff'ffff'ffff,
                                      0xffff'ffff'ffff,
                                      0xff'ffff'ffff'ffff,
                                      0xffff'ffff'ffff'ffff};
  const std::uint64_t word = GetFixed<std::uint64_t>(at) & kMasks[code];
  at += code;
  return word;
}

inline char* WriteMetric(char* at, double value, unsigned& code) {
  constexpr double kExactBelow = 1e15;
  const double scaled = value * 100;
  if (std::fabs(scaled) < kExactBelow) {
    const auto hundredths = static_cast<std::int64_t>(scaled + std::copysign(0.5, scaled));
    const double same = static_cast<double>(hundredths) / 100;
    if (std::bit_cast<std::uint64_t>(same) == std::bit_cast<std::uint64_t>(value)) {
      return WriteField(at, ZigZag(hundredths), code);
    }
  }
  if (std::isnan(value)) {
    code = kNullField;
    return at;
  }
  const auto single = static_cast<float>(value);
  if (static_cast<double>(single) == value) {
    code = kSingleField;
    std::memcpy(at, &single, sizeof single);
    return at + sizeof single;
  }
  code = kDoubleField;
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

inline double ReadMetric(const char*& at, unsigned code) {
  if (code <= 8) return static_cast<double>(UnZigZag(ReadField(at, code))) / 100;
  if (code == kNullField) return std::numeric_limits<double>::quiet_NaN();
  const char* const begin = at;
  if (code == kSingleField) {
    at += sizeof(float);
    return static_cast<double>(GetFixed<float>(begin));
  }
  at += sizeof(double);
  return GetFixed<double>(begin);
}

}  // namespace tocsin
