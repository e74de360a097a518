#include "config/units.h"

#include <array>
#include <charconv>
#include <span>

namespace tocsin {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 7> kDurations = {{{"w", 604'800'000'000},
                                             {"d", 86'400'000'000},
                                             {"h", 3'600'000'000},
                                             {"m", 60'000'000},
                                             {"s", 1'000'000},
                                             {"ms", 1'000},
                                             {"us", 1}}};
constexpr std::array<Unit, 10> kSizes = {{{"TiB", 1LL << 40},
                                          {"GiB", 1LL << 30},
                                          {"MiB", 1LL << 20},
                                          {"KiB", 1LL << 10},
                                          {"B", 1},
                                          {"", 1},
                                          {"TB", 1'000'000'000'000},
                                          {"GB", 1'000'000'000},
                                          {"MB", 1'000'000},
                                          {"kB", 1'000}}};
constexpr std::string_view kDigits = "0123456789";

// Takes "123ms" off the front of `text`: the number and the letters after it.
bool TakeQuantity(std::string_view& text, std::int64_t& number, std::string_view& unit) {
  const std::size_t digits = std::min(text.find_first_not_of(kDigits), text.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (digits == 0 || error != std::errc()) return false;
  text.remove_prefix(digits);
  unit = text.substr(0, text.find_first_of(kDigits));
  text.remove_prefix(unit.size());
  return true;
}

// The index of the unit of that name, or the number of units.
std::size_t FindUnit(std::span<const Unit> units, std::string_view name) {
  std::size_t i = 0;
  while (i < units.size() && units[i].name != name) ++i;
  return i;
}

bool AddScaled(std::int64_t number, std::int64_t factor, std::int64_t& sum) {
  std::int64_t scaled = 0;
  return !__builtin_mul_overflow(number, factor, &scaled) &&
         !__builtin_add_overflow(sum, scaled, &sum);
}

}  // namespace

Result<std::int64_t> ParseDurationUs(std::string_view text) {
  const auto fail = [text](std::string_view why) {
    return Fail(Code::kInvalidArgument, "duration '" + std::string(text) + "' " + std::string(why));
  };
  if (text == "0") return 0;
  std::int64_t total = 0;
  std::size_t next_unit = 0;  // units before it have been used or passed
  std::string_view rest = text;
  do {
    std::int64_t number = 0;
    std::string_view unit;
    if (!TakeQuantity(rest, number, unit)) return fail("is not a number with a unit such as 5m");
    const std::size_t index = FindUnit(kDurations, unit);
    if (unit.empty()) return fail("needs a unit: us, ms, s, m, h, d or w");
    if (index == kDurations.size()) return fail("has an unknown unit; use us, ms, s, m, h, d or w");
    if (index < next_unit) return fail("must name each unit once, the largest first");
    if (!AddScaled(number, kDurations[index].factor, total)) return fail("is too long");
    next_unit = index + 1;
  } while (!rest.empty());
  return total;
}

std::string FormatDurationUs(std::int64_t us) {
  if (us == 0) return "0";
  std::string text;
  // Weeks are left out: 7d reads better in settings than 1w.
  for (const Unit& unit : std::span(kDurations).subspan(1)) {
    if (us < unit.factor) continue;
    text += std::to_string(us / unit.factor);
    text += unit.name;
    us %= unit.factor;
  }
  return text;
}

Result<std::int64_t> ParseBytes(std::string_view text) {
  std::int64_t number = 0;
  std::string_view unit;
  std::string_view rest = text;
  std::int64_t bytes = 0;
  if (TakeQuantity(rest, number, unit) && rest.empty()) {
    const std::size_t index = FindUnit(kSizes, unit);
    if (index < kSizes.size() && AddScaled(number, kSizes[index].factor, bytes)) return bytes;
  }
  return Fail(Code::kInvalidArgument,
              "size '" + std::string(text) +
                  "' is not a number of bytes with an optional unit such as 64KiB or 10GiB");
}

std::string FormatBytes(std::int64_t bytes) {
  for (const Unit& unit : std::span(kSizes).first(4)) {
    if (bytes == 0 || bytes % unit.factor != 0) continue;
    return std::to_string(bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

}  // namespace tocsin
