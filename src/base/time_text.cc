#include "base/time_text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kMinuteUs = 60 * kSecondUs;
constexpr std::int64_t kDayUs = 86'400 * kSecondUs;

// Days since 1970-01-01 of a proleptic Gregorian date (H. Hinnant, "chrono-compatible low-level
// date algorithms", days_from_civil).
constexpr std::int64_t DaysFromCivil(int year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const int era = (year >= 0 ? year : year - 399) / 400;
  const int year_of_era = year - era * 400;
  const int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return static_cast<std::int64_t>(era) * 146'097 + day_of_era - 719'468;
}

struct Civil {
  int year;
  int month;
  int day;
};

constexpr Civil CivilFromDays(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const int day_of_era = static_cast<int>(days - era * 146'097);
  const int year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted_month = (5 * day_of_year + 2) / 153;
  const int month = shifted_month + (shifted_month < 10 ? 3 : -9);
  const int year = year_of_era + static_cast<int>(era) * 400 + (month <= 2 ? 1 : 0);
  return {year, month, day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

constexpr std::int64_t kMinTime = DaysFromCivil(0, 1, 1) * kDayUs;
constexpr std::int64_t kMaxTime = DaysFromCivil(9999, 12, 31) * kDayUs + kDayUs - 1;

// The value of `count` digits at `at`, or -1 when one is no digit.
inline int Digits(const char* at, int count) {
  int value = 0;
  for (int i = 0; i < count; ++i) {
    const unsigned digit = static_cast<unsigned>(static_cast<unsigned char>(at[i])) - '0';
    if (digit > 9) return -1;
    value = value * 10 + static_cast<int>(digit);
  }
  return value;
}

constexpr bool IsLeap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

constexpr int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && IsLeap(year) ? 29 : kDays[month - 1];
}

// Reads the zone after the time of day: the offset east of UTC in minutes.
std::optional<int> ParseZone(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  if (text[0] != '+' && text[0] != '-') return std::nullopt;
  const int sign = text[0] == '+' ? 1 : -1;
  int minutes = 0;
  if (text.size() == 6 && text[3] == ':') {
    minutes = Digits(text.data() + 4, 2);
  } else if (text.size() == 5) {
    minutes = Digits(text.data() + 3, 2);
  } else if (text.size() != 3) {
    return std::nullopt;
  }
  const int hours = Digits(text.data() + 1, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

// Days since 1970-01-01 of the ten characters at `at`, or nothing.
std::optional<std::int64_t> ParseDate(const char* at) {
  const int year = Digits(at, 4);
  const int month = Digits(at + 5, 2);
  const int day = Digits(at + 8, 2);
  if (at[4] != '-' || at[7] != '-' || year < 0 || month < 1 || month > 12) return std::nullopt;
  if (day < 1 || day > DaysInMonth(year, month)) return std::nullopt;
  return DaysFromCivil(year, month, day);
}

constexpr std::size_t kToSecond = 19;  // bytes of YYYY-MM-DDThh:mm:ss

// The six digits of `.dddddd` and any further byte, the point the lowest byte, or -1 when one is no
// digit or there is no point.
std::int64_t PointAndSixDigits(std::uint64_t word) {
  if ((word & 0xff) != '.') return -1;
  // Eight digits of which the first two are 0.
  const std::uint64_t digits = (word << 8 ^ kZeroDigits) & 0xFFFF'FFFF'FFFF'0000;
  return AboveNine(digits) == 0 ? NumberOfDigits(digits) : -1;
}

// Whether the text may be as most are: to the second, a point, six digits and `+00:00` or `Z`.
bool IsUsual(std::string_view text) {
  constexpr std::uint64_t kUtc = 0x30'30'3A'30'30'2B;  // the six characters +00:00
  constexpr std::size_t kToZone = kToSecond + 7;
  if (text.size() == kToZone + 1) return text[kToZone] == 'Z';
  return text.size() == kToZone + 6 &&
         GetFixed<std::uint64_t>(text.data() + kToZone - 2) >> 16 == kUtc;
}

// The microseconds of `.` and 1 to 9 digits at `end`, which moves behind them; 0 when there is no
// fraction, -1 when it is wrong.
std::int64_t ParseFraction(std::string_view text, std::size_t& end) {
  if (end == text.size() || text[end] != '.') return 0;
  if (text.size() >= end + 8) {
    const std::int64_t six = PointAndSixDigits(GetFixed<std::uint64_t>(text.data() + end));
    const bool more = text[end + 7] >= '0' && text[end + 7] <= '9';
    if (six >= 0 && !more) {
      end += 7;
      return six;
    }
  }
  std::int64_t fraction_us = 0;
  std::size_t digits = 0;
  std::int64_t scale = 100'000;
  for (++end; end < text.size() && text[end] >= '0' && text[end] <= '9'; ++end, ++digits) {
    fraction_us += (text[end] - '0') * scale;
    scale /= 10;  // becomes 0 after six digits: the rest is truncated
  }
  return digits < 1 || digits > 9 ? -1 : fraction_us;
}

// The minute of the 16 characters `YYYY-MM-DDThh:mm` at `at`, in microseconds.
std::optional<std::int64_t> MinuteOf(const char* at) {
  const auto days = ParseDate(at);
  if (!days || (at[10] != 'T' && at[10] != 't' && at[10] != ' ')) return std::nullopt;
  const int hour = Digits(at + 11, 2);
  const int minute = Digits(at + 14, 2);
  if (at[13] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59) return std::nullopt;
  return *days * kDayUs + (hour * 60 + minute) * kMinuteUs;
}

// What follows the minute (`:ss`, fraction, zone) in microseconds after it.
std::optional<std::int64_t> ParseAfterMinute(std::string_view text) {
  const int second = Digits(text.data() + 17, 2);
  if (text[16] != ':' || second < 0 || second > 59) return std::nullopt;
  std::size_t end = kToSecond;
  const std::int64_t fraction_us = ParseFraction(text, end);
  const std::string_view zone = text.substr(end);
  if (fraction_us < 0) return std::nullopt;
  const std::int64_t within_us = second * kSecondUs + fraction_us;
  if (zone == "+00:00") return within_us;
  const auto zone_minutes = ParseZone(zone);
  if (!zone_minutes) return std::nullopt;
  return within_us - *zone_minutes * kMinuteUs;
}

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text) {
  return TimeParser().Parse(text);
}

std::optional<std::int64_t> TimeParser::ParseOther(std::string_view text) {
  if (text.size() < kToSecond) return std::nullopt;
  const std::array<std::uint64_t, 2> minute = {GetFixed<std::uint64_t>(text.data()),
                                               GetFixed<std::uint64_t>(text.data() + 8)};
  if (minute != minute_) {
    const auto minute_us = MinuteOf(text.data());
    if (!minute_us) return std::nullopt;
    minute_ = minute;
    minute_us_ = *minute_us;
  }
  std::optional<std::int64_t> within_us;
  if (IsUsual(text) && text[16] == ':') {
    const int second = Digits(text.data() + 17, 2);
    const std::int64_t six = PointAndSixDigits(GetFixed<std::uint64_t>(text.data() + kToSecond));
    if (second >= 0 && second <= 59 && six >= 0) within_us = second * kSecondUs + six;
  }
  if (!within_us) within_us = ParseAfterMinute(text);
  if (!within_us) return std::nullopt;
  // Remembering pays when there are several texts of a second.
  const auto second = GetFixed<std::uint64_t>(text.data() + 11);
  if (second == second_) Remember(text, minute_us_ + *within_us);
  second_ = second;
  return minute_us_ + *within_us;
}

// `text` is a good one of `time_us`.
void TimeParser::Remember(std::string_view text, std::int64_t time_us) {
  constexpr std::size_t kMostDigits = 6;  // more are cut off
  const auto is_digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  const bool has_point = text.size() > kToSecond && text[kToSecond] == '.';
  const std::size_t first_digit = kToSecond + (has_point ? 1 : 0);
  std::size_t end = first_digit;
  while (has_point && end < text.size() && is_digit(end)) ++end;
  const std::size_t digits = end - first_digit;
  if (digits > kMostDigits || text.size() > 2 * kHalf) return;
  size_ = text.size();
  // Up to the second all of the first bytes count.
  const std::size_t second_half = size_ - kHalf;
  begin_ = MaskedBytes<kHalf>(text.substr(0, kHalf));
  end_ = MaskedBytes<kHalf>(text.substr(second_half), first_digit - second_half, end - second_half);
  word_at_ = end - sizeof(std::uint64_t);
  digit_mask_ = digits == 0 ? 0 : ~std::uint64_t{0} << 8 * (sizeof(std::uint64_t) - digits);
  unit_us_ = 1;
  for (std::size_t i = digits; i < kMostDigits; ++i) unit_us_ *= 10;
  second_us_ = time_us - NumberOfDigits(DigitsOf(text)) * unit_us_;
}

void WriteTime(std::int64_t time_us, char* out) {
  time_us = std::clamp(time_us, kMinTime, kMaxTime);
  std::int64_t days = time_us / kDayUs;
  std::int64_t of_day = time_us % kDayUs;
  if (of_day < 0) {
    of_day += kDayUs;
    --days;
  }
  const Civil date = CivilFromDays(days);
  const auto put = [out](std::size_t at, std::int64_t value, int count) {
    for (int i = count - 1; i >= 0; --i, value /= 10) {
      out[at + static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    }
  };
  put(0, date.year, 4);
  out[4] = '-';
  put(5, date.month, 2);
  out[7] = '-';
  put(8, date.day, 2);
  out[10] = 'T';
  const std::int64_t seconds = of_day / kSecondUs;
  put(11, seconds / 3600, 2);
  out[13] = ':';
  put(14, seconds / 60 % 60, 2);
  out[16] = ':';
  put(17, seconds % 60, 2);
  out[19] = '.';
  put(20, of_day % kSecondUs, 6);
  out[26] = 'Z';
}

std::string FormatTime(std::int64_t time_us) {
  std::string text(kTimeTextSize, '\0');
  WriteTime(time_us, text.data());
  return text;
}

}  // namespace tocsin
