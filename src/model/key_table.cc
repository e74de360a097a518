#include "model/key_table.h"

#include <algorithm>
#include <cstring>

namespace tocsin {

KeyTable::KeyTable(const FieldTable& fields) : fields_(fields) {
  Reset();
}

void KeyTable::Reset() {
  index_.clear();
  keys_.clear();
  keys_.emplace_back();
  last_ = 0;
}

bool KeyTable::MatchesRest(const Key& key, const char* at, const char* end) {
  const std::size_t size = key.quoted.size();
  return size <= static_cast<std::size_t>(end - at) &&
         std::memcmp(at + 16, key.quoted.data() + 16, size - 16) == 0;
}

std::uint32_t KeyTable::Find(const char* at, const char* end) {
  const auto left = std::min(static_cast<std::size_t>(end - at), kMaxKeyBytes + 1);
  const auto* quote = static_cast<const char*>(std::memchr(at, '"', left));
  if (quote == nullptr) return kNone;
  const std::string_view text(at, static_cast<std::size_t>(quote - at));
  const auto found = index_.find(text);
  const std::uint32_t index = found == index_.end() ? Add(text) : found->second;
  keys_[last_].next = index;
  return index;
}

std::uint32_t KeyTable::Add(std::string_view text) {
  const auto index = static_cast<std::uint32_t>(keys_.size());
  Key& key = keys_.emplace_back();
  key.quoted = std::string(text) + '"';
  key.field = fields_.Find(text);
  char head[16] = {};
  char mask[16] = {};
  const std::size_t size = std::min<std::size_t>(key.quoted.size(), 16);
  std::memcpy(head, key.quoted.data(), size);
  std::memset(mask, 0xFF, size);
  std::memcpy(key.head, head, 16);
  std::memcpy(key.mask, mask, 16);
  index_.emplace(text, index);
  return index;
}

}  // namespace tocsin
