#pragma once

#include <string>
#include <string_view>

// JSON strings (RFC 8259, section 7), byte by byte.
namespace tocsin {

struct JsonString {
  std::string_view body;     // between the quotation marks, escapes untouched
  bool has_escapes = false;  // when false the body is the text
  // Why there is no string here, or nullptr; `fault_at` is the byte that is wrong.
  const char* fault = nullptr;
  const char* fault_at = nullptr;
};

// Reads the string whose opening quotation mark is at `at`. Refuses control characters, unknown
// escapes and halves of surrogate pairs. Does not judge UTF-8.
JsonString ScanJsonString(const char* at, const char* end);

// Appends the text of a body that ScanJsonString accepted.
void AppendUnescaped(std::string& out, std::string_view body);

}  // namespace tocsin
