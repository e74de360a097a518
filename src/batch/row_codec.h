#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/bytes.h"

namespace tocsin {

// The metrics of a row in few bytes, losslessly: most readings are decimals of two places, and many
// others come from sensors that measure in single precision. A row of two such metrics takes about
// 11 bytes with its device and its time instead of the 32 of its columns.
//
// A metric is a varint whose lowest two bits say what it is.
enum class MetricForm : std::uint8_t {
  kHundredths,  // zigzag of the value times 100 in the bits above
  kNull,
  kSingle,  // four bytes of a float follow
  kDouble,  // eight bytes follow
};

inline constexpr std::size_t kMaxMetricBytes = 9;
inline constexpr std::size_t kMaxRowHeadBytes = 25;

inline std::uint64_t ZigZag(std::int64_t value) {
  return static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

// Writes at most kMaxMetricBytes; returns the end.
inline char* WriteMetric(char* at, double value) {
  constexpr double kExactBelow = 1e15;
  const double scaled = value * 100;
  if (std::fabs(scaled) < kExactBelow) {
    const std::int64_t hundredths = std::llrint(scaled);
    const double same = static_cast<double>(hundredths) / 100;
    if (std::bit_cast<std::uint64_t>(same) == std::bit_cast<std::uint64_t>(value)) {
      return WriteVarint(at, ZigZag(hundredths) << 2);
    }
  }
  if (std::isnan(value)) {
    *at++ = static_cast<char>(MetricForm::kNull);
    return at;
  }
  const auto single = static_cast<float>(value);
  if (static_cast<double>(single) == value) {
    *at++ = static_cast<char>(MetricForm::kSingle);
    std::memcpy(at, &single, sizeof single);
    return at + sizeof single;
  }
  *at++ = static_cast<char>(MetricForm::kDouble);
  std::memcpy(at, &value, sizeof value);
  return at + sizeof value;
}

// Reads a varint that WriteVarint wrote.
inline const char* ReadOwnVarint(const char* at, std::uint64_t& value) {
  auto byte = static_cast<unsigned char>(*at++);
  value = byte;
  if (byte < 0x80) return at;
  value &= 0x7f;
  for (unsigned shift = 7;; shift += 7) {
    byte = static_cast<unsigned char>(*at++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return at;
  }
}

// Reads what WriteMetric wrote; returns the end.
inline const char* ReadMetric(const char* at, double& value) {
  std::uint64_t word = 0;
  at = ReadOwnVarint(at, word);
  switch (static_cast<MetricForm>(word & 3)) {
    case MetricForm::kHundredths:
      value = static_cast<double>(UnZigZag(word >> 2)) / 100;
      return at;
    case MetricForm::kNull:
      value = std::numeric_limits<double>::quiet_NaN();
      return at;
    case MetricForm::kSingle:
      value = static_cast<double>(GetFixed<float>(at));
      return at + sizeof(float);
    case MetricForm::kDouble:
      break;
  }
  value = GetFixed<double>(at);
  return at + sizeof(double);
}

}  // namespace tocsin
