#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "model/event_fields.h"

namespace tocsin {

// The keys that records of a stream have, as numbers, found by guessing that a key is followed by
// the key that followed it last time: one comparison a field for records of one shape, whatever
// shapes are mixed. Also tells a key that is met twice in a record.
//
// Keys are without escapes. Memory: about kMaxKeys keys; then it begins anew. Threads: none but
// the owner's.
class KeyTable {
 public:
  static constexpr std::size_t kMaxKeys = 1024;
  static constexpr std::size_t kMaxKeyBytes = 256;

  struct Key {
    std::string quoted;  // with its closing quotation mark
    Field field;
    std::uint32_t next = 0;    // the key that followed it last
    std::uint64_t record = 0;  // the last one that had it
    // The first 16 bytes of `quoted`, for comparison in two words.
    std::uint64_t head[2] = {0, 0};
    std::uint64_t mask[2] = {0, 0};
  };

  explicit KeyTable(const FieldTable& fields);

  void BeginRecord() {
    if (keys_.size() > kMaxKeys) Reset();
    ++record_;
    last_ = 0;
  }

  // The key whose text begins at `at` and ends before a quotation mark within [at, end); `at` is
  // followed by at least 16 readable bytes. nullptr when the record had it before, when there is no
  // such text and when it is longer than kMaxKeyBytes.
  const Key* Next(const char* at, const char* end) {
    const std::uint32_t guess = keys_[last_].next;
    const std::uint32_t index = Matches(keys_[guess], at, end) ? guess : Find(at, end);
    Key& key = keys_[index];
    if (index == kNone || key.record == record_) return nullptr;
    key.record = record_;
    last_ = index;
    return &key;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  static constexpr std::uint32_t kNone = 0;  // keys_[0] stands before the first key of a record

  static bool Matches(const Key& key, const char* at, const char* end) {
    const std::uint64_t differ = ((GetFixed<std::uint64_t>(at) ^ key.head[0]) & key.mask[0]) |
                                 ((GetFixed<std::uint64_t>(at + 8) ^ key.head[1]) & key.mask[1]);
    if (differ != 0 || key.quoted.empty()) return false;
    return key.quoted.size() <= 16 || MatchesRest(key, at, end);
  }
  static bool MatchesRest(const Key& key, const char* at, const char* end);
  std::uint32_t Find(const char* at, const char* end);
  std::uint32_t Add(std::string_view text);
  void Reset();

  const FieldTable& fields_;
  std::vector<Key> keys_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> index_;
  std::uint64_t record_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace tocsin
