#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "model/event_limits.h"
#include "model/reject_reason.h"

namespace tocsin {

enum class JsonKind : std::uint8_t { kNull, kTrue, kFalse, kNumber, kString, kArray, kObject };

// One member of the record's object.
struct JsonMember {
  std::string_view key;  // unescaped
  JsonKind kind = JsonKind::kNull;
  std::string_view text;     // the value as written, a string with its quotation marks
  bool has_escapes = false;  // of a string
};

struct JsonFault {
  RejectReason reason;
  std::string message;  // for people: what is wrong, and where
};

// Reads one record as the RFC 8259 text it must be, byte by byte, and lists the members of its
// object. The judge of the contract's first steps, in their order: the limits (`too_large`),
// UTF-8 (`invalid_utf8`), then syntax (`invalid_json`) and keys met a second time in their object
// (`duplicate_key`), whichever comes first in the bytes. The keys `is_alert` and `reason` of the
// record's own object count as met before.
//
// Depth and fields are judged lexically (brackets outside of strings, colons of the outer
// object), because they come before syntax. Time and memory are linear in the record; nesting
// costs no stack. Threads: none but the owner's.
class StrictJson {
 public:
  explicit StrictJson(EventLimits limits) : limits_(limits) {}

  // What is wrong with `record`, or nothing. The results below are of the last record read
  // without fault; they point into it and into this object.
  std::optional<JsonFault> Read(std::string_view record);

  JsonKind root_kind() const { return root_kind_; }
  std::span<const JsonMember> members() const { return members_; }  // none unless an object
  std::string_view root_text() const { return root_text_; }  // without the white space around

 private:
  // Seeded by chance, so that nobody can send keys that collide.
  struct KeyHash {
    std::size_t operator()(std::string_view key) const;
  };
  struct Level {
    bool is_object;
    std::size_t first_key;                                // in keys_
    std::unordered_set<std::string_view, KeyHash> index;  // of its keys, once there are many
  };

  bool CheckLimits();
  bool CheckUtf8();
  bool ReadDocument();
  bool ReadValue(JsonKind& kind, bool& has_escapes, bool& opened);
  bool ReadLiteral(std::string_view literal);
  bool ReadKey();
  bool CheckKey(std::string_view key);
  bool Open(bool is_object, bool& opened);
  bool CloseLevels(bool& done);
  void EndMember();
  void SkipSpace();
  bool Fault(RejectReason reason, std::string message);
  bool SyntaxFault(std::string_view expected, const char* at);

  EventLimits limits_;
  std::string_view record_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  std::vector<Level> levels_;
  std::size_t depth_ = 0;  // levels_ in use; the others keep their memory
  std::vector<std::string_view> keys_;
  std::deque<std::string> unescaped_keys_;
  std::vector<JsonMember> members_;
  JsonKind root_kind_ = JsonKind::kNull;
  std::string_view root_text_;
  std::optional<JsonFault> fault_;
};

// `text` for a message: at most 80 bytes, cut between characters and marked with "…", control
// characters as spaces.
std::string Shortened(std::string_view text);

}  // namespace tocsin
