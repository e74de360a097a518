#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Event times as text. A time is a count of microseconds since 1970-01-01T00:00:00Z.
namespace tocsin {

inline constexpr std::size_t kTimeTextSize = 27;

// Reads a timestamp of an event: `YYYY-MM-DD`, then `T`, `t` or one space, `hh:mm:ss`, optionally
// `.` and 1 to 9 digits (kept to microseconds, truncated), then `Z`, `z`, `±hh:mm`, `±hhmm`,
// `±hh` or nothing (UTC). Nothing when it is anything else, an impossible date, a 60th second or
// an offset beyond 23:59. Proleptic Gregorian calendar, years 0000 to 9999.
std::optional<std::int64_t> ParseTime(std::string_view text);

// ParseTime for many texts, with the same results: remembers the minute of the last one, which the
// next is likely to share. Threads: none but the owner's.
class TimeParser {
 public:
  std::optional<std::int64_t> Parse(std::string_view text);

 private:
  // The bytes of its text.
  std::array<std::uint64_t, 2> minute_ = std::bit_cast<std::array<std::uint64_t, 2>>(
      std::array{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', 'T', '0', '0', ':', '0', '0'});
  std::int64_t minute_us_ = 0;
};

// Writes the 27 characters `YYYY-MM-DDThh:mm:ss.ffffffZ` to `out`. The year must be 0 to 9999,
// as every parsed time's is, give or take an offset of a day; others are clamped to that range.
void WriteTime(std::int64_t time_us, char* out);
std::string FormatTime(std::int64_t time_us);

}  // namespace tocsin
