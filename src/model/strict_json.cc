#include "model/strict_json.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/random.h"
#include "model/json_number.h"
#include "model/json_string.h"

namespace tocsin {
namespace {

constexpr std::size_t kShownBytes = 80;
// Keys of an object that are compared one by one; more are looked up by hash, so that a record of
// thousands of keys costs no quadratic time.
constexpr std::size_t kLinearKeys = 16;

constexpr bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// The byte after the string that begins at `at`, as far as quotation marks and backslashes tell.
const char* SkipString(const char* at, const char* end) {
  ++at;
  while (at != end) {
    const char c = *at++;
    if (c == '"') return at;
    if (c == '\\' && at != end) ++at;
  }
  return end;
}

struct Extent {
  std::size_t depth = 0;   // deepest nesting of brackets
  std::size_t fields = 0;  // colons directly inside the outermost object
};

Extent LexicalExtent(const char* at, const char* end) {
  Extent extent;
  std::size_t depth = 0;
  bool outer_is_object = false;
  while (at != end) {
    const char c = *at;
    if (c == '"') {
      at = SkipString(at, end);
      continue;
    }
    if (c == '{' || c == '[') {
      if (depth == 0) outer_is_object = c == '{';
      extent.depth = std::max(extent.depth, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    } else if (c == ':' && depth == 1 && outer_is_object) {
      ++extent.fields;
    }
    ++at;
  }
  return extent;
}

bool IsAscii(std::string_view text) {
  unsigned bits = 0;
  for (const char c : text) bits |= static_cast<unsigned char>(c);
  return bits < 0x80;
}

constexpr bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// The offset of the first byte that is not part of well-formed UTF-8. `text` has one.
std::size_t FirstBadUtf8(std::string_view text) {
  std::size_t good = 0;
  while (good < text.size()) {
    std::size_t next = good + 1;
    while (next < text.size() && IsContinuation(text[next])) ++next;
    if (!IsUtf8(text.substr(good, next - good))) break;
    good = next;
  }
  return good;
}

}  // namespace

std::string Shortened(std::string_view text) {
  std::size_t size = std::min(text.size(), kShownBytes);
  if (size < text.size()) {
    while (size > 0 && IsContinuation(text[size])) --size;
  }
  std::string shown(text.substr(0, size));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  if (size < text.size()) shown += "…";
  return shown;
}

std::optional<JsonFault> StrictJson::Read(std::string_view record) {
  record_ = record;
  at_ = record.data();
  end_ = at_ + record.size();
  depth_ = 0;
  keys_.clear();
  unescaped_keys_.clear();
  members_.clear();
  fault_.reset();
  if (CheckLimits() && CheckUtf8()) ReadDocument();
  return std::exchange(fault_, std::nullopt);
}

bool StrictJson::Fault(RejectReason reason, std::string message) {
  fault_ = JsonFault{reason, std::move(message)};
  return false;
}

bool StrictJson::SyntaxFault(std::string_view expected, const char* at) {
  const auto offset = static_cast<std::size_t>(at - record_.data());
  std::string message = "not JSON at byte " + std::to_string(offset) + ": ";
  message += expected;
  if (at == end_) {
    message += " at the end of the record";
  } else {
    message += " before: " + Shortened(record_.substr(offset));
  }
  return Fault(RejectReason::kInvalidJson, std::move(message));
}

bool StrictJson::CheckLimits() {
  if (record_.size() > limits_.max_bytes) {
    return Fault(RejectReason::kTooLarge, "the record has " + std::to_string(record_.size()) +
                                              " bytes, at most " +
                                              std::to_string(limits_.max_bytes) + " are allowed");
  }
  const Extent extent = LexicalExtent(at_, end_);
  if (extent.depth > limits_.max_depth) {
    return Fault(RejectReason::kTooLarge, "the record nests " + std::to_string(extent.depth) +
                                              " levels deep, at most " +
                                              std::to_string(limits_.max_depth) + " are allowed");
  }
  if (extent.fields > limits_.max_fields) {
    return Fault(RejectReason::kTooLarge, "the record has " + std::to_string(extent.fields) +
                                              " fields, at most " +
                                              std::to_string(limits_.max_fields) + " are allowed");
  }
  return true;
}

bool StrictJson::CheckUtf8() {
  if (IsAscii(record_) || IsUtf8(record_)) return true;
  const std::size_t at = FirstBadUtf8(record_);
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(record_[at]);
  return Fault(RejectReason::kInvalidUtf8, "not UTF-8 at byte " + std::to_string(at) + ": 0x" +
                                               kHex[byte >> 4] + kHex[byte & 15] +
                                               " begins no valid character");
}

void StrictJson::SkipSpace() {
  while (at_ != end_ && IsSpace(*at_)) ++at_;
}

bool StrictJson::ReadDocument() {
  SkipSpace();
  if (at_ == end_) return SyntaxFault("the record is blank, an object is expected", at_);
  const char* const root = at_;
  bool done = false;
  while (!done) {
    SkipSpace();
    JsonKind kind = JsonKind::kNull;
    bool has_escapes = false;
    bool opened = false;
    const char* const value = at_;
    const bool of_root = depth_ == 1 && levels_[0].is_object;
    if (value == root) {
      if (!ReadValue(root_kind_, has_escapes, opened)) return false;
    } else {
      if (!ReadValue(kind, has_escapes, opened)) return false;
      if (of_root) {
        JsonMember& member = members_.back();
        member.kind = kind;
        member.has_escapes = has_escapes;
        member.text = std::string_view(value, static_cast<std::size_t>(at_ - value));
      }
    }
    if (!opened && !CloseLevels(done)) return false;
  }
  root_text_ = std::string_view(root, static_cast<std::size_t>(at_ - root));
  SkipSpace();
  if (at_ != end_) return SyntaxFault("bytes after the end of the value", at_);
  return true;
}

// Reads a scalar or an empty object or array whole; of another object or array only the opening
// bracket (and the first key), which `opened` tells.
bool StrictJson::ReadValue(JsonKind& kind, bool& has_escapes, bool& opened) {
  switch (at_ == end_ ? '\0' : *at_) {
    case '{':
      kind = JsonKind::kObject;
      return Open(true, opened);
    case '[':
      kind = JsonKind::kArray;
      return Open(false, opened);
    case 'n':
      kind = JsonKind::kNull;
      return ReadLiteral("null");
    case 't':
      kind = JsonKind::kTrue;
      return ReadLiteral("true");
    case 'f':
      kind = JsonKind::kFalse;
      return ReadLiteral("false");
    case '"': {
      kind = JsonKind::kString;
      const JsonString string = ScanJsonString(at_, end_);
      if (string.fault != nullptr) return SyntaxFault(string.fault, string.fault_at);
      has_escapes = string.has_escapes;
      at_ = string.body.data() + string.body.size() + 1;
      return true;
    }
    default: {
      kind = JsonKind::kNumber;
      const char* const number_end = ScanJsonNumber(at_, end_);
      if (number_end == nullptr) return SyntaxFault("a value is expected", at_);
      at_ = number_end;
      return true;
    }
  }
}

bool StrictJson::ReadLiteral(std::string_view literal) {
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (std::string_view(at_, left).substr(0, literal.size()) != literal) {
    return SyntaxFault("a value is expected", at_);
  }
  at_ += literal.size();
  return true;
}

bool StrictJson::Open(bool is_object, bool& opened) {
  ++at_;
  SkipSpace();
  if (at_ != end_ && *at_ == (is_object ? '}' : ']')) {
    ++at_;
    return true;
  }
  if (depth_ == levels_.size()) levels_.emplace_back();
  Level& level = levels_[depth_++];
  level.is_object = is_object;
  level.first_key = keys_.size();
  if (!level.index.empty()) level.index.clear();
  opened = true;
  return !is_object || ReadKey();
}

// After a value: passes closing brackets up to the next value, or to the end of the root.
bool StrictJson::CloseLevels(bool& done) {
  while (depth_ > 0) {
    SkipSpace();
    Level& level = levels_[depth_ - 1];
    const char c = at_ == end_ ? '\0' : *at_;
    if (c == ',') {
      ++at_;
      SkipSpace();
      return !level.is_object || ReadKey();
    }
    if (c != (level.is_object ? '}' : ']')) {
      return SyntaxFault(level.is_object ? "',' or '}' is expected" : "',' or ']' is expected",
                         at_);
    }
    ++at_;
    keys_.resize(level.first_key);
    --depth_;
    if (depth_ == 1 && levels_[0].is_object) EndMember();
  }
  done = true;
  return true;
}

// The member's value is an object or array, of which only the opening bracket was known.
void StrictJson::EndMember() {
  std::string_view& text = members_.back().text;
  text = std::string_view(text.data(), static_cast<std::size_t>(at_ - text.data()));
}

bool StrictJson::ReadKey() {
  if (at_ == end_ || *at_ != '"') return SyntaxFault("a key is expected", at_);
  const JsonString string = ScanJsonString(at_, end_);
  if (string.fault != nullptr) return SyntaxFault(string.fault, string.fault_at);
  std::string_view key = string.body;
  if (string.has_escapes) AppendUnescaped(unescaped_keys_.emplace_back(), string.body);
  if (string.has_escapes) key = unescaped_keys_.back();
  if (!CheckKey(key)) return false;
  at_ = string.body.data() + string.body.size() + 1;
  SkipSpace();
  if (at_ == end_ || *at_ != ':') return SyntaxFault("':' is expected", at_);
  ++at_;
  if (depth_ == 1) members_.emplace_back().key = key;
  return true;
}

std::size_t StrictJson::KeyHash::operator()(std::string_view key) const {
  static const std::uint64_t kSeed = RandomSeed();
  return XXH3_64bits_withSeed(key.data(), key.size(), kSeed);
}

bool StrictJson::CheckKey(std::string_view key) {
  if (depth_ == 1 && (key == "is_alert" || key == "reason")) {
    return Fault(RejectReason::kDuplicateKey,
                 "the key \"" + std::string(key) + "\" is there, but processing adds it itself");
  }
  Level& level = levels_[depth_ - 1];
  const std::span of_level = std::span(keys_).subspan(level.first_key);
  bool known = false;
  if (of_level.size() <= kLinearKeys) {
    known = std::ranges::find(of_level, key) != of_level.end();
  } else {
    if (level.index.empty()) level.index.insert(of_level.begin(), of_level.end());
    known = !level.index.insert(key).second;
  }
  if (known) {
    return Fault(RejectReason::kDuplicateKey,
                 "the key \"" + Shortened(key) + "\" is there more than once");
  }
  keys_.push_back(key);
  return true;
}

}  // namespace tocsin
