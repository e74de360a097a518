#pragma once

#include <cstdint>

// Eight characters as one word, the first the lowest byte, and the decimal digits among them.
namespace tocsin {

inline constexpr std::uint64_t kEachByte = 0x0101'0101'0101'0101;
inline constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
inline constexpr std::uint64_t kZeroDigits = kEachByte * '0';

// The high bit of each byte that is above 9. Adding 0x76 sets it for those below 0x80, and none of
// them carries into the next byte.
constexpr std::uint64_t AboveNine(std::uint64_t bytes) {
  return (((bytes & ~kHighBits) + kEachByte * 0x76) | bytes) & kHighBits;
}

// The number of eight digits, each a byte of 0 to 9.
constexpr std::int64_t NumberOfDigits(std::uint64_t digits) {
  // Pairs, then fours, then the whole.
  const std::uint64_t pairs = (digits * 10 + (digits >> 8)) & 0x00FF'00FF'00FF'00FF;
  const std::uint64_t fours = (pairs * 100 + (pairs >> 16)) & 0x0000'FFFF'0000'FFFF;
  return static_cast<std::int64_t>((fours * 10'000 + (fours >> 32)) & 0xFFFF'FFFF);
}

}  // namespace tocsin
