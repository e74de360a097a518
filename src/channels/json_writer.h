#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "route/matcher.h"

namespace tocsin {

// JSON text written from front to back; commas come by themselves. Text that is not UTF-8 is
// repaired.
class JsonWriter {
 public:
  JsonWriter& Begin(char bracket);  // '{' or '['
  JsonWriter& End(char bracket);    // '}' or ']'
  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view value);
  JsonWriter& Number(std::int64_t value);
  JsonWriter& Count(std::uint64_t value);
  JsonWriter& Bool(bool value);
  JsonWriter& Raw(std::string_view value);  // complete JSON
  JsonWriter& Field(std::string_view name, std::string_view value) { return Key(name).Text(value); }
  JsonWriter& Map(std::string_view name, const LabelMap& map);

  const std::string& text() const { return text_; }
  std::string Take() { return std::move(text_); }

 private:
  void Comma();

  std::string text_;
};

// `body`, a JSON object, with `note` put behind the text at `pointer` (/text, /blocks/0/text).
// `body` itself when there is no such text.
std::string WithNote(const std::string& body, const std::string& pointer, std::string_view note);

// What a message says that may have been sent before.
inline constexpr std::string_view kRepeatNote = " (possible repeat)";

// The member `name` of the JSON object `body` when that is a text or a whole number; "" otherwise.
// For answers of services: never fails.
std::string MemberOf(const std::string& body, const std::string& pointer);

}  // namespace tocsin
