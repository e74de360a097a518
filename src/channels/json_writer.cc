#include "channels/json_writer.h"

#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace tocsin {

using nlohmann::json;

void JsonWriter::Comma() {
  if (text_.empty()) return;
  const char last = text_.back();
  if (last != '{' && last != '[' && last != ':') text_ += ',';
}

JsonWriter& JsonWriter::Begin(char bracket) {
  Comma();
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::End(char bracket) {
  text_ += bracket;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Comma();
  AppendJsonString(text_, name);
  text_ += ':';
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view value) {
  Comma();
  AppendJsonString(text_, value);
  return *this;
}

JsonWriter& JsonWriter::Number(std::int64_t value) {
  Comma();
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::Count(std::uint64_t value) {
  Comma();
  text_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Comma();
  text_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view value) {
  Comma();
  text_ += value;
  return *this;
}

JsonWriter& JsonWriter::Map(std::string_view name, const LabelMap& map) {
  Key(name).Begin('{');
  for (const auto& [key, value] : map) Field(key, value);
  return End('}');
}

std::string WithNote(const std::string& body, const std::string& pointer, std::string_view note) {
  json parsed = json::parse(body, nullptr, false);
  if (parsed.is_discarded()) return body;
  const json::json_pointer at(pointer);
  if (!parsed.contains(at) || !parsed[at].is_string()) return body;
  parsed[at] = parsed[at].get<std::string>() + std::string(note);
  return parsed.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string MemberOf(const std::string& body, const std::string& pointer) {
  const json parsed = json::parse(body, nullptr, false);
  const json::json_pointer at(pointer);
  if (parsed.is_discarded() || !parsed.contains(at)) return {};
  const json& member = parsed[at];
  if (member.is_string()) return member.get<std::string>();
  if (member.is_boolean()) return member.get<bool>() ? "true" : "false";
  return member.is_number_integer() ? std::to_string(member.get<std::int64_t>()) : "";
}

}  // namespace tocsin
