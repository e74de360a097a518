#include "template/go_time.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace tocsin {
namespace {

constexpr std::array<std::string_view, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::int64_t kMicrosecondsOfDay = 86'400LL * 1'000'000;

struct Parts {
  int year, month, day, weekday, day_of_year, hour, minute, second, microsecond;
};

Parts PartsOf(std::int64_t time_us) {
  using std::chrono::days;
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(time_us)};
  const auto date = std::chrono::floor<days>(time);
  const std::chrono::year_month_day civil(date);
  const std::int64_t us = (time - date).count();
  const std::chrono::sys_days new_year = civil.year() / 1 / 1;
  return {static_cast<int>(civil.year()),
          static_cast<int>(static_cast<unsigned>(civil.month())),
          static_cast<int>(static_cast<unsigned>(civil.day())),
          static_cast<int>(std::chrono::weekday(date).c_encoding()),
          static_cast<int>((date - new_year).count()) + 1,
          static_cast<int>(us / 3'600'000'000),
          static_cast<int>(us / 60'000'000 % 60),
          static_cast<int>(us / 1'000'000 % 60),
          static_cast<int>(us % 1'000'000)};
}

std::string Number(int value, int width, char pad) {
  std::string text = std::to_string(value);
  if (text.size() < static_cast<std::size_t>(width)) {
    text.insert(0, static_cast<std::size_t>(width) - text.size(), pad);
  }
  return text;
}

enum class Token : std::uint8_t {
  kLongMonth,
  kMonth,
  kZeroMonth,
  kNumMonth,
  kLongDay,
  kDay,
  kZeroDayOfYear,
  kUnderDayOfYear,
  kZeroDate,
  kUnderDate,
  kDate,
  kHour,
  kZeroHour12,
  kHour12,
  kZeroMinute,
  kMinute,
  kZeroSecond,
  kSecond,
  kYear,
  kShortYear,
  kUpperPm,
  kLowerPm,
  kZone,
  kZ,       // Z07:00 and the like: "Z" in UTC
  kOffset,  // as it is written for UTC
};

struct NamedToken {
  std::string_view text;
  Token token;
};

// In the order in which Go looks: the longer of two that begin alike first.
constexpr auto kTokens = std::to_array<NamedToken>({
    {"January", Token::kLongMonth},
    {"Jan", Token::kMonth},
    {"Monday", Token::kLongDay},
    {"Mon", Token::kDay},
    {"MST", Token::kZone},
    {"2006", Token::kYear},
    {"__2", Token::kUnderDayOfYear},
    {"_2", Token::kUnderDate},
    {"002", Token::kZeroDayOfYear},
    {"01", Token::kZeroMonth},
    {"02", Token::kZeroDate},
    {"03", Token::kZeroHour12},
    {"04", Token::kZeroMinute},
    {"05", Token::kZeroSecond},
    {"06", Token::kShortYear},
    {"15", Token::kHour},
    {"1", Token::kNumMonth},
    {"2", Token::kDate},
    {"3", Token::kHour12},
    {"4", Token::kMinute},
    {"5", Token::kSecond},
    {"PM", Token::kUpperPm},
    {"pm", Token::kLowerPm},
    {"Z07:00:00", Token::kZ},
    {"Z070000", Token::kZ},
    {"Z07:00", Token::kZ},
    {"Z0700", Token::kZ},
    {"Z07", Token::kZ},
    {"-07:00:00", Token::kOffset},
    {"-070000", Token::kOffset},
    {"-07:00", Token::kOffset},
    {"-0700", Token::kOffset},
    {"-07", Token::kOffset},
});

// "+00:00" for "-07:00".
std::string UtcOffset(std::string_view layout) {
  std::string text = "+";
  for (const char c : layout.substr(1)) text += c == ':' ? ':' : '0';
  return text;
}

std::string TokenText(const NamedToken& named, const Parts& at) {
  const int hour12 = at.hour % 12 == 0 ? 12 : at.hour % 12;
  const auto month = kMonths[static_cast<std::size_t>(at.month - 1)];
  const auto day = kDays[static_cast<std::size_t>(at.weekday)];
  switch (named.token) {
    case Token::kLongMonth:
      return std::string(month);
    case Token::kMonth:
      return std::string(month.substr(0, 3));
    case Token::kZeroMonth:
      return Number(at.month, 2, '0');
    case Token::kNumMonth:
      return Number(at.month, 0, ' ');
    case Token::kLongDay:
      return std::string(day);
    case Token::kDay:
      return std::string(day.substr(0, 3));
    case Token::kZeroDayOfYear:
      return Number(at.day_of_year, 3, '0');
    case Token::kUnderDayOfYear:
      return Number(at.day_of_year, 3, ' ');
    case Token::kZeroDate:
      return Number(at.day, 2, '0');
    case Token::kUnderDate:
      return Number(at.day, 2, ' ');
    case Token::kDate:
      return Number(at.day, 0, ' ');
    case Token::kHour:
      return Number(at.hour, 2, '0');
    case Token::kZeroHour12:
      return Number(hour12, 2, '0');
    case Token::kHour12:
      return Number(hour12, 0, ' ');
    case Token::kZeroMinute:
      return Number(at.minute, 2, '0');
    case Token::kMinute:
      return Number(at.minute, 0, ' ');
    case Token::kZeroSecond:
      return Number(at.second, 2, '0');
    case Token::kSecond:
      return Number(at.second, 0, ' ');
    case Token::kYear:
      return Number(at.year, 4, '0');
    case Token::kShortYear:
      return Number(at.year % 100, 2, '0');
    case Token::kUpperPm:
      return at.hour >= 12 ? "PM" : "AM";
    case Token::kLowerPm:
      return at.hour >= 12 ? "pm" : "am";
    case Token::kZone:
      return "UTC";
    case Token::kZ:
      return "Z";
    case Token::kOffset:
      return UtcOffset(named.text);
  }
  return {};
}

// The digits of a fraction of the second at the begin of `layout`: ".000", ",999", which are one
// only when no digit follows. 0 = there is none.
std::size_t FractionSize(std::string_view layout) {
  if (layout.size() < 2 || (layout[0] != '.' && layout[0] != ',')) return 0;
  if (layout[1] != '0' && layout[1] != '9') return 0;
  std::size_t end = 1;
  while (end < layout.size() && layout[end] == layout[1]) ++end;
  const bool digit = end < layout.size() && layout[end] >= '0' && layout[end] <= '9';
  return digit ? 0 : end;
}

std::string FractionText(std::string_view layout, int microsecond) {
  std::string digits = Number(microsecond, 6, '0') + "000";
  digits.resize(std::min(layout.size() - 1, digits.size()), '0');
  if (layout[1] == '9') {
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.empty()) return {};
  }
  return layout[0] + digits;
}

}  // namespace

std::string FormatGoTime(std::int64_t time_us, std::string_view layout) {
  if (time_us == 0) return {};
  const Parts at = PartsOf(time_us);
  std::string out;
  while (!layout.empty()) {
    if (const std::size_t size = FractionSize(layout); size > 0) {
      out += FractionText(layout.substr(0, size), at.microsecond);
      layout.remove_prefix(size);
      continue;
    }
    const NamedToken* found = nullptr;
    for (const NamedToken& named : kTokens) {
      if (!layout.starts_with(named.text)) continue;
      found = &named;
      break;
    }
    // "_2006" is an underscore before the year.
    if (found != nullptr && found->token == Token::kUnderDate && layout.starts_with("_2006")) {
      found = nullptr;
    }
    // "Januar" and "Jani" are no months: Go takes "Jan" unless a lower-case letter follows.
    if (found != nullptr && (found->token == Token::kMonth || found->token == Token::kDay)) {
      const std::string_view rest = layout.substr(found->text.size());
      if (!rest.empty() && rest[0] >= 'a' && rest[0] <= 'z') found = nullptr;
    }
    if (found == nullptr) {
      out += layout[0];
      layout.remove_prefix(1);
      continue;
    }
    out += TokenText(*found, at);
    layout.remove_prefix(found->text.size());
  }
  return out;
}

}  // namespace tocsin
