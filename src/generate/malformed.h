#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/random.h"

namespace tocsin {

// The ways in which a malformed event breaks the contract; one for most reject reasons.
enum class MalformedKind : std::uint8_t {
  kCutLine,     // invalid_json
  kBadUtf8,     // invalid_utf8
  kNotANumber,  // NaN: invalid_json
  kWrongType,   // a number in quotes
  kOutOfRange,
  kMissingField,
  kBadTimestamp,  // a 13th month
  kDuplicateKey,
};
inline constexpr std::size_t kMalformedKindCount = 8;

// Spoils a line made by EventLineWriter. The result has no line end in it.
void MakeMalformed(MalformedKind kind, SeededRandom& random, std::string& line);

}  // namespace tocsin
