#include "route/time_interval.h"

#include <date/tz.h>

#include <algorithm>
#include <chrono>
#include <exception>

// The only file that knows the time zone library; its exceptions end here.
namespace tocsin {
namespace {

using Ranges = std::vector<std::pair<int, int>>;

struct LocalClock {
  int minute;  // of the day
  int weekday;
  int day;
  int days_in_month;
  int month;
  int year;
};

const date::time_zone* FindZone(const std::string& location) {
  try {
    return location == "Local" ? date::current_zone() : date::locate_zone(location);
  } catch (const std::exception&) {
    return nullptr;
  }
}

LocalClock ClockIn(const std::string& location, std::int64_t wall_us) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(
      date::sys_time<std::chrono::microseconds>(std::chrono::microseconds(wall_us)));
  std::chrono::seconds offset{0};
  if (const date::time_zone* zone = location == "UTC" ? nullptr : FindZone(location)) {
    offset = zone->get_info(seconds).offset;
  }
  const auto local = seconds.time_since_epoch() + offset;
  const auto days = date::floor<date::days>(local);
  const date::sys_days day{days};
  const date::year_month_day ymd{day};
  LocalClock clock{};
  clock.minute = static_cast<int>(std::chrono::floor<std::chrono::minutes>(local - days).count());
  clock.weekday = static_cast<int>(date::weekday{day}.c_encoding());
  clock.day = static_cast<int>(static_cast<unsigned>(ymd.day()));
  clock.days_in_month = static_cast<int>(static_cast<unsigned>(
      date::year_month_day_last{ymd.year() / ymd.month() / date::last}.day()));
  clock.month = static_cast<int>(static_cast<unsigned>(ymd.month()));
  clock.year = static_cast<int>(ymd.year());
  return clock;
}

bool Within(const Ranges& ranges, int value) {
  return ranges.empty() || std::ranges::any_of(ranges, [value](const std::pair<int, int>& range) {
           return value >= range.first && value <= range.second;
         });
}

bool DayWithin(const Ranges& ranges, const LocalClock& clock) {
  return ranges.empty() || std::ranges::any_of(ranges, [&clock](const std::pair<int, int>& range) {
           const int length = clock.days_in_month;
           const auto day = [length](int written) {
             return written < 0 ? length + written + 1 : written;
           };
           const int first = day(range.first);
           if (first > length) return false;  // the 31st does not become the 30th
           return clock.day >= std::max(first, 1) &&
                  clock.day <= std::min(day(range.second), length);
         });
}

}  // namespace

bool KnownLocation(const std::string& location) {
  return location == "UTC" || location == "Local" || FindZone(location) != nullptr;
}

bool TimeInterval::Contains(std::int64_t wall_us) const {
  const LocalClock clock = ClockIn(location, wall_us);
  const auto in_times = [&clock](const std::pair<int, int>& range) {
    return clock.minute >= range.first && clock.minute < range.second;
  };
  if (!times.empty() && !std::ranges::any_of(times, in_times)) return false;
  return Within(weekdays, clock.weekday) && DayWithin(days_of_month, clock) &&
         Within(months, clock.month) && Within(years, clock.year);
}

}  // namespace tocsin
