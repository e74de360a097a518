#pragma once

#include <string_view>

// JSON numbers (RFC 8259, section 6) without limits of size: a number of valid grammar is valid
// whatever its magnitude, and only its conversion may leave the range of a double.
namespace tocsin {

// The end of the longest JSON number that begins at `at`, or nullptr when none does.
const char* ScanJsonNumber(const char* at, const char* end);

// The double nearest to `number`, which is of valid grammar: what strtod gives in the C locale,
// so ±infinity for 1e400 and 0 for 1e-400.
double JsonNumberValue(std::string_view number);

}  // namespace tocsin
