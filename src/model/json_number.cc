#include "model/json_number.h"

#include <locale.h>
#include <stdlib.h>

#include <charconv>
#include <string>

namespace tocsin {
namespace {

inline bool IsDigit(const char* at, const char* end) {
  return at != end && *at >= '0' && *at <= '9';
}

// The end of the digits at `at`, or nullptr when there is none.
const char* ScanDigits(const char* at, const char* end) {
  if (!IsDigit(at, end)) return nullptr;
  do {
    ++at;
  } while (IsDigit(at, end));
  return at;
}

// The values that std::from_chars only calls "out of range": infinities, zeros and, with some
// library versions, subnormal numbers.
double ExtremeValue(std::string_view number) {
  static const locale_t kCLocale = newlocale(LC_ALL_MASK, "C", nullptr);
  return strtod_l(std::string(number).c_str(), nullptr, kCLocale);
}

}  // namespace

const char* ScanJsonNumber(const char* at, const char* end) {
  if (at != end && *at == '-') ++at;
  if (!IsDigit(at, end)) return nullptr;
  at = *at == '0' ? at + 1 : ScanDigits(at, end);
  if (at != end && *at == '.') {
    at = ScanDigits(at + 1, end);
    if (at == nullptr) return nullptr;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    at = ScanDigits(at, end);
  }
  return at;
}

double JsonNumberValue(std::string_view number) {
  double value = 0;
  const auto result = std::from_chars(number.data(), number.data() + number.size(), value);
  return result.ec == std::errc() ? value : ExtremeValue(number);
}

}  // namespace tocsin
