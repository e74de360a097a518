#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

// Event times as text. A time is a count of microseconds since 1970-01-01T00:00:00Z.
namespace tocsin {

inline constexpr std::size_t kTimeTextSize = 27;

// Reads a timestamp of an event: `YYYY-MM-DD`, then `T`, `t` or one space, `hh:mm:ss`, optionally
// `.` and 1 to 9 digits (kept to microseconds, truncated), then `Z`, `z`, `±hh:mm`, `±hhmm`,
// `±hh` or nothing (UTC). Nothing when it is anything else, an impossible date, a 60th second or
// an offset beyond 23:59. Proleptic Gregorian calendar, years 0000 to 9999.
std::optional<std::int64_t> ParseTime(std::string_view text);

// The six digits of `.dddddd` and any further byte, the point the lowest byte, or -1 when one is no
// digit or there is no point.
inline std::int64_t PointAndSixDigits(std::uint64_t word) {
  constexpr std::uint64_t kHighBits = 0x8080'8080'8080'8080;
  if ((word & 0xff) != '.') return -1;
  // Eight digits of which the first two are 0.
  const std::uint64_t digits = (word << 8 & 0xFFFF'FFFF'FFFF'0000) ^ 0x3030'3030'3030'0000;
  // Adding 0x76 sets the high bit of a byte above 9, and no byte below 0x80 carries into the next.
  if (((((digits & ~kHighBits) + 0x7676'7676'7676'7676) | digits) & kHighBits) != 0) return -1;
  // Pairs, then fours, then the whole.
  const std::uint64_t pairs = (digits * 10 + (digits >> 8)) & 0x00FF'00FF'00FF'00FF;
  const std::uint64_t fours = (pairs * 100 + (pairs >> 16)) & 0x0000'FFFF'0000'FFFF;
  return static_cast<std::int64_t>((fours * 10'000 + (fours >> 32)) & 0xFFFF'FFFF);
}

// ParseTime for many texts, with the same results: remembers the minute and the second of the last
// one, which the next is likely to share. Threads: none but the owner's.
class TimeParser {
 public:
  std::optional<std::int64_t> Parse(std::string_view text) {
    if (IsUsual(text) && GetFixed<std::uint64_t>(text.data() + 11) == second_ &&
        GetFixed<std::uint64_t>(text.data()) == minute_[0] &&
        GetFixed<std::uint64_t>(text.data() + 8) == minute_[1]) {
      const std::int64_t six = PointAndSixDigits(GetFixed<std::uint64_t>(text.data() + kToSecond));
      if (six >= 0) return second_us_ + six;
    }
    return ParseOther(text);
  }

 private:
  static constexpr std::size_t kToSecond = 19;  // bytes of YYYY-MM-DDThh:mm:ss
  static constexpr std::size_t kToZone = kToSecond + 7;

  // Whether the text may be as most are: to the second, a point, six digits and `+00:00` or `Z`.
  static bool IsUsual(std::string_view text) {
    constexpr std::uint64_t kUtc = 0x30'30'3A'30'30'2B;  // the six characters +00:00
    if (text.size() == kToZone + 1) return text[kToZone] == 'Z';
    return text.size() == kToZone + 6 &&
           GetFixed<std::uint64_t>(text.data() + kToZone - 2) >> 16 == kUtc;
  }
  std::optional<std::int64_t> ParseOther(std::string_view text);

  // The bytes of its text; those of `hh:mm:ss`.
  std::array<std::uint64_t, 2> minute_ = std::bit_cast<std::array<std::uint64_t, 2>>(
      std::array{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', 'T', '0', '0', ':', '0', '0'});
  std::int64_t minute_us_ = 0;
  std::uint64_t second_ = 0;
  std::int64_t second_us_ = 0;
};

// Writes the 27 characters `YYYY-MM-DDThh:mm:ss.ffffffZ` to `out`. The year must be 0 to 9999,
// as every parsed time's is, give or take an offset of a day; others are clamped to that range.
void WriteTime(std::int64_t time_us, char* out);
std::string FormatTime(std::int64_t time_us);

}  // namespace tocsin
