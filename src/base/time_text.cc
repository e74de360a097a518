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
std::optional<std::int64_t> ParseMinute(const char* at) {
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
  std::size_t end = 19;
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
  const auto first = GetFixed<std::uint64_t>(text.data());
  const auto last = GetFixed<std::uint64_t>(text.data() + 8);
  if (first != minute_[0] || last != minute_[1]) {
    const auto minute = ParseMinute(text.data());
    if (!minute) return std::nullopt;
    minute_ = {first, last};
    minute_us_ = *minute;
    second_ = 0;
  }
  if (IsUsual(text) && text[16] == ':') {
    const int second = Digits(text.data() + 17, 2);
    const std::int64_t six = PointAndSixDigits(GetFixed<std::uint64_t>(text.data() + kToSecond));
    if (second >= 0 && second <= 59 && six >= 0) {
      second_ = GetFixed<std::uint64_t>(text.data() + 11);
      second_us_ = minute_us_ + second * kSecondUs;
      return second_us_ + six;
    }
  }
  const auto within_us = ParseAfterMinute(text);
  if (!within_us) return std::nullopt;
  return minute_us_ + *within_us;
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
