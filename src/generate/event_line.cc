#include "generate/event_line.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/time_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kSecondText = 20;  // "2025-11-23T10:15:30."

constexpr auto kPairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

template <std::size_t kSize>
char* Put(char* at, const char (&text)[kSize]) {
  std::memcpy(at, text, kSize - 1);
  return at + kSize - 1;
}

char* PutPair(char* at, std::uint64_t value) {
  std::memcpy(at, kPairs.data() + 2 * value, 2);
  return at + 2;
}

// 3142 → "31.42", -5 → "-0.05".
char* PutHundredths(char* at, std::int64_t value) {
  auto magnitude = static_cast<std::uint64_t>(value);
  if (value < 0) {
    *at++ = '-';
    magnitude = 0 - magnitude;
  }
  const std::uint64_t whole = magnitude / 100;
  if (whole < 10) {
    *at++ = static_cast<char>('0' + whole);
  } else if (whole < 100) {
    at = PutPair(at, whole);
  } else {
    at = std::to_chars(at, at + 20, whole).ptr;
  }
  *at++ = '.';
  return PutPair(at, magnitude % 100);
}

}  // namespace

std::string_view EventLineWriter::Write(std::string_view device_id, std::int64_t time_us,
                                        std::int64_t temperature, std::int64_t humidity,
                                        bool alert) {
  std::int64_t second = time_us / 1'000'000;
  if (time_us % 1'000'000 < 0) --second;
  if (second != second_) {
    WriteTime(second * 1'000'000, second_text_);
    second_ = second;
  }
  const auto micros = static_cast<std::uint64_t>(time_us - second * 1'000'000);
  char* at = Put(line_, "{\"device_id\":\"");
  device_id = device_id.substr(0, kMaxDeviceId);
  std::memcpy(at, device_id.data(), device_id.size());
  at = Put(at + device_id.size(), "\",\"timestamp\":\"");
  std::memcpy(at, second_text_, kSecondText);
  at = PutPair(at + kSecondText, micros / 10'000);
  at = PutPair(at, micros / 100 % 100);
  at = PutPair(at, micros % 100);
  at = PutHundredths(Put(at, "+00:00\",\"temperature\":"), temperature);
  at = PutHundredths(Put(at, ",\"humidity\":"), humidity);
  at = alert ? Put(at, ",\"status\":\"ALERT\"}") : Put(at, ",\"status\":\"OK\"}");
  return {line_, static_cast<std::size_t>(at - line_)};
}

}  // namespace tocsin
