#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/digit_word.h"
#include "base/masked_bytes.h"

// Event times as text. A time is a count of microseconds since 1970-01-01T00:00:00Z.
namespace tocsin {

inline constexpr std::size_t kTimeTextSize = 27;

// Reads a timestamp of an event: `YYYY-MM-DD`, then `T`, `t` or one space, `hh:mm:ss`, optionally
// `.` and 1 to 9 digits (kept to microseconds, truncated), then `Z`, `z`, `±hh:mm`, `±hhmm`,
// `±hh` or nothing (UTC). Nothing when it is anything else, an impossible date, a 60th second or
// an offset beyond 23:59. Proleptic Gregorian calendar, years 0000 to 9999.
std::optional<std::int64_t> ParseTime(std::string_view text);

// ParseTime for many texts, with the same results. Remembers the last one: the next is likely of
// the same second and written alike, so that only the digits behind the point differ. Threads: none
// but the owner's.
class TimeParser {
 public:
  std::optional<std::int64_t> Parse(std::string_view text) {
    std::int64_t time_us = 0;
    return ParseLike(text, time_us) ? time_us : ParseOther(text);
  }
  // The quick part of it: gives the time of a text like the remembered one, and else nothing, which
  // says nothing about the text.
  bool ParseLike(std::string_view text, std::int64_t& time_us) const {
    if (text.size() != size_ || !begin_.Match(text.data()) ||
        !end_.Match(text.data() + (size_ - kHalf))) {
      return false;
    }
    const std::uint64_t digits = DigitsOf(text);
    time_us = second_us_ + NumberOfDigits(digits) * unit_us_;
    return AboveNine(digits) == 0;
  }

 private:
  static constexpr std::size_t kHalf = 16;

  std::uint64_t DigitsOf(std::string_view text) const {
    return (GetFixed<std::uint64_t>(text.data() + word_at_) ^ kZeroDigits) & digit_mask_;
  }
  std::optional<std::int64_t> ParseOther(std::string_view text);
  void Remember(std::string_view text, std::int64_t time_us);

  // The text that was remembered: its first and its last bytes, which overlap or meet, without the
  // digits behind the point.
  std::size_t size_ = std::string_view::npos;  // of no text
  MaskedBytes<kHalf> begin_, end_;
  std::size_t word_at_ = 0;       // eight bytes that end with the digits
  std::uint64_t digit_mask_ = 0;  // those of them that are digits
  std::int64_t unit_us_ = 0;      // of the last digit
  std::int64_t second_us_ = 0;
  // Of the last text: the bytes up to the minute, and those of `hh:mm:ss`.
  std::array<std::uint64_t, 2> minute_ = std::bit_cast<std::array<std::uint64_t, 2>>(
      std::array{'1', '9', '7', '0', '-', '0', '1', '-', '0', '1', 'T', '0', '0', ':', '0', '0'});
  std::int64_t minute_us_ = 0;
  std::uint64_t second_ = 0;
};

// Writes the 27 characters `YYYY-MM-DDThh:mm:ss.ffffffZ` to `out`. The year must be 0 to 9999,
// as every parsed time's is, give or take an offset of a day; others are clamped to that range.
void WriteTime(std::int64_t time_us, char* out);
std::string FormatTime(std::int64_t time_us);

}  // namespace tocsin
