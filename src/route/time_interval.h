#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tocsin {

// Alertmanager's time_interval: true when the wall clock in `location` is within every list that is
// not empty. Ranges include both ends except times, whose end is excluded.
struct TimeInterval {
  std::vector<std::pair<int, int>> times;          // minutes of the day
  std::vector<std::pair<int, int>> weekdays;       // 0 = Sunday
  std::vector<std::pair<int, int>> days_of_month;  // negative = from the end, as written
  std::vector<std::pair<int, int>> months;         // 1 to 12
  std::vector<std::pair<int, int>> years;
  std::string location = "UTC";  // a name of the time zone database, or Local

  // DST by the system's time zone database. A location that is not known counts as UTC; the
  // configuration reader refuses those (KnownLocation).
  bool Contains(std::int64_t wall_us) const;
};

// UTC, Local, or a name of the system's time zone database.
bool KnownLocation(const std::string& location);

}  // namespace tocsin
