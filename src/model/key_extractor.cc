#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/json_text.h"
#include "model/event_fields.h"
#include "model/event_parser.h"
#include "model/json_string.h"

namespace tocsin {
namespace {

constexpr std::string_view kName = "device_id";
constexpr std::string_view kUsualStart = R"({"device_id":")";

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

const char* SkipSpace(const char* at, const char* end) {
  while (at != end && IsSpace(*at)) ++at;
  return at;
}

// The closing quotation mark of the string that begins at `at`, or nullptr.
const char* StringEnd(const char* at, const char* end) {
  for (++at; at < end; ++at) {
    if (*at == '"') return at;
    if (*at == '\\') ++at;
  }
  return nullptr;
}

// The end of the value at `at`: the comma or bracket that follows it, or nullptr.
const char* SkipValue(const char* at, const char* end) {
  std::size_t depth = 0;
  for (; at < end; ++at) {
    switch (*at) {
      case '"':
        at = StringEnd(at, end);
        if (at == nullptr) return nullptr;
        break;
      case '{':
      case '[':
        ++depth;
        break;
      case '}':
      case ']':
        if (depth == 0) return at;
        --depth;
        break;
      case ',':
        if (depth == 0) return at;
        break;
      default:
        break;
    }
  }
  return nullptr;
}

bool IsPlainAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c != '\\'; });
}

// A word with the high bit set in the first byte of `word` that is `"`, `\\`, a control character
// or not ASCII; bytes behind that one may be marked wrongly.
constexpr std::uint64_t MarkSpecial(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  const auto zero_bytes = [](std::uint64_t x) { return (x - kOnes) & ~x; };
  return (zero_bytes(word ^ kOnes * '"') | zero_bytes(word ^ kOnes * '\\') | (word - kOnes * 0x20) |
          word) &
         kOnes * 0x80;
}

// The id of a record that begins as most do, with a plain id; else nothing. Reads up to 8 bytes
// behind the record.
std::string_view UsualId(std::string_view record) {
  if (!record.starts_with(kUsualStart)) return {};
  const std::size_t begin = kUsualStart.size();
  for (std::size_t at = begin; at < record.size(); at += 8) {
    const std::uint64_t marks = MarkSpecial(GetFixed<std::uint64_t>(record.data() + at));
    if (marks == 0) continue;
    const std::size_t end = at + static_cast<std::size_t>(std::countr_zero(marks)) / 8;
    if (end >= record.size() || record[end] != '"' || end - begin > kMaxDeviceIdBytes) return {};
    return record.substr(begin, end - begin);
  }
  return {};
}

}  // namespace

KeyExtractor::KeyExtractor() = default;
KeyExtractor::~KeyExtractor() = default;

std::string_view KeyExtractor::Unescaped(std::string_view body) {
  const JsonString string = ScanJsonString(body.data() - 1, body.data() + body.size() + 1);
  if (string.fault != nullptr || !IsUtf8(body)) return {};
  if (!string.has_escapes) return body;
  buffer_.clear();
  AppendUnescaped(buffer_, body);
  return buffer_;
}

std::string_view KeyExtractor::DeviceId(std::string_view record) {
  if (const std::string_view id = UsualId(record); !id.empty()) return id;
  const char* const end = record.data() + record.size();
  const char* at = SkipSpace(record.data(), end);
  if (at == end || *at != '{') return {};
  while (true) {
    // At the opening brace or at the comma before a member.
    const char* const key = SkipSpace(at + 1, end);
    const char* const key_end = key == end || *key != '"' ? nullptr : StringEnd(key, end);
    if (key_end == nullptr) return {};
    std::string_view name(key + 1, static_cast<std::size_t>(key_end - key - 1));
    if (std::memchr(name.data(), '\\', name.size()) != nullptr) name = Unescaped(name);
    const bool found = name == kName;
    at = SkipSpace(key_end + 1, end);
    if (at == end || *at != ':') return {};
    at = SkipSpace(at + 1, end);
    if (found) {
      const char* const id_end = at == end || *at != '"' ? nullptr : StringEnd(at, end);
      if (id_end == nullptr) return {};
      std::string_view id(at + 1, static_cast<std::size_t>(id_end - at - 1));
      if (!IsPlainAscii(id)) id = Unescaped(id);
      return id.size() <= kMaxDeviceIdBytes ? id : std::string_view();
    }
    at = SkipValue(at, end);
    if (at == nullptr || *at != ',') return {};
  }
}

}  // namespace tocsin
