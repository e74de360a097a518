#include "model/json_string.h"

#include <cstdint>

namespace tocsin {
namespace {

// The value of the four hexadecimal digits at `at`, or -1.
int Hex4(const char* at, const char* end) {
  if (end - at < 4) return -1;
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = at[i];
    int digit = 0;
    if (c >= '0' && c <= '9') {
      digit = c - '0';
    } else if (c >= 'a' && c <= 'f') {
      digit = c - 'a' + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = c - 'A' + 10;
    } else {
      return -1;
    }
    value = value * 16 + digit;
  }
  return value;
}

constexpr bool IsHighSurrogate(int unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
constexpr bool IsLowSurrogate(int unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// The bytes of the escape sequence at `at` (a whole surrogate pair counts as one), or 0 with the
// fault named.
std::size_t EscapeLength(const char* at, const char* end, const char*& fault) {
  fault = "unknown escape";
  if (end - at < 2) return 0;
  switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
      return 2;
    case 'u':
      break;
    default:
      return 0;
  }
  const int unit = Hex4(at + 2, end);
  fault = "\\u without four hexadecimal digits";
  if (unit < 0) return 0;
  fault = "half of a surrogate pair";
  if (IsLowSurrogate(unit)) return 0;
  if (!IsHighSurrogate(unit)) return 6;
  if (end - at < 12 || at[6] != '\\' || at[7] != 'u') return 0;
  return IsLowSurrogate(Hex4(at + 8, end)) ? 12 : 0;
}

void AppendUtf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  const auto tail = [&](std::uint32_t shift) { put(0x80 | (point >> shift & 0x3F)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | point >> 6);
    tail(0);
  } else if (point < 0x10000) {
    put(0xE0 | point >> 12);
    tail(6);
    tail(0);
  } else {
    put(0xF0 | point >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

// Appends what the escape at `at` stands for and returns its end.
const char* AppendEscape(std::string& out, const char* at, const char* end) {
  switch (at[1]) {
    case 'b':
      out += '\b';
      return at + 2;
    case 'f':
      out += '\f';
      return at + 2;
    case 'n':
      out += '\n';
      return at + 2;
    case 'r':
      out += '\r';
      return at + 2;
    case 't':
      out += '\t';
      return at + 2;
    case 'u':
      break;
    default:
      out += at[1];
      return at + 2;
  }
  const int unit = Hex4(at + 2, end);
  if (!IsHighSurrogate(unit)) {
    AppendUtf8(out, static_cast<std::uint32_t>(unit));
    return at + 6;
  }
  const int low = Hex4(at + 8, end);
  AppendUtf8(out, static_cast<std::uint32_t>(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)));
  return at + 12;
}

}  // namespace

JsonString ScanJsonString(const char* at, const char* end) {
  JsonString result;
  const char* const begin = ++at;
  while (at != end) {
    const char c = *at;
    if (c == '"') {
      result.body = std::string_view(begin, static_cast<std::size_t>(at - begin));
      return result;
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      result.fault = "control character in a string";
      result.fault_at = at;
      return result;
    }
    if (c != '\\') {
      ++at;
      continue;
    }
    const std::size_t length = EscapeLength(at, end, result.fault);
    if (length == 0) {
      result.fault_at = at;
      return result;
    }
    result.fault = nullptr;
    result.has_escapes = true;
    at += length;
  }
  result.fault = "string without end";
  result.fault_at = begin - 1;
  return result;
}

void AppendUnescaped(std::string& out, std::string_view body) {
  const char* at = body.data();
  const char* const end = at + body.size();
  while (at != end) {
    if (*at == '\\') {
      at = AppendEscape(out, at, end);
    } else {
      out += *at++;
    }
  }
}

}  // namespace tocsin
