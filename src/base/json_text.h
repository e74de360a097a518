#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// JSON text appended to a string: for records and messages built on the data path, where a
// document model would cost an allocation per field.
namespace tocsin {

// `text` as a JSON string with its quotes. Escapes the quotation mark, the backslash and the
// control characters; bytes that are not UTF-8 become U+FFFD, so the result is always valid.
void AppendJsonString(std::string& out, std::string_view text);
// The shortest decimal that reads back as the same double; "null" when it is not finite.
void AppendJsonNumber(std::string& out, double value);
void AppendJsonNumber(std::string& out, std::int64_t value);

// True when `text` is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool IsUtf8(std::string_view text);

// Standard base64 with padding (RFC 4648, section 4).
std::string Base64(std::string_view bytes);
// The bytes of `text`, or false when it is not base64; `out` is then unspecified.
bool DecodeBase64(std::string_view text, std::string& out);

}  // namespace tocsin
