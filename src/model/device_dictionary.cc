#include "model/device_dictionary.h"

#define XXH_INLINE_ALL  // ids are short: a call would cost as much as the hash
#include <xxhash.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/prefetch.h"

namespace tocsin {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kChunkBytes = 64UL * 1024;
constexpr std::size_t kGroup = 64;

std::uint64_t Hash(std::string_view id) {
  return XXH3_64bits(id.data(), id.size());
}

template <class Word>
bool SameEnds(const char* a, const char* b, std::size_t size) {
  const std::size_t behind = size - sizeof(Word);
  return ((GetFixed<Word>(a) ^ GetFixed<Word>(b)) |
          (GetFixed<Word>(a + behind) ^ GetFixed<Word>(b + behind))) == 0;
}

// Most ids have 4 to 16 bytes: two words, which may overlap.
inline bool Equal(std::string_view a, std::string_view b) {
  const std::size_t size = a.size();
  if (size != b.size()) return false;
  if (size >= 8 && size <= 16) return SameEnds<std::uint64_t>(a.data(), b.data(), size);
  if (size >= 4 && size < 8) return SameEnds<std::uint32_t>(a.data(), b.data(), size);
  return a == b;
}

constexpr std::uint32_t Tag(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32);
}

}  // namespace

DeviceDictionary::DeviceDictionary() : slots_(kFirstSlots, Slot{0, kUnknown}) {}

// The slot of `id`, or the free one where it belongs.
std::size_t DeviceDictionary::Probe(std::string_view id, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t at = hash & mask;
  while (true) {
    const Slot& slot = slots_[at];
    if (slot.code == kUnknown) return at;
    if (slot.tag == Tag(hash) && Equal(ids_[slot.code], id)) return at;
    at = (at + 1) & mask;
  }
}

std::uint32_t DeviceDictionary::Find(std::string_view id) const {
  return slots_[Probe(id, Hash(id))].code;
}

std::uint32_t DeviceDictionary::Encode(std::string_view id) {
  const std::uint64_t hash = Hash(id);
  return EncodeAt(Probe(id, hash), id, hash);
}

// What one id waits for in memory (its slot, its entry, its bytes) is asked for while the others of
// its group are worked on.
void DeviceDictionary::EncodeAll(std::span<const std::string_view> ids, std::uint32_t* codes) {
  std::uint64_t hashes[kGroup];
  while (!ids.empty()) {
    const auto group = ids.first(std::min(ids.size(), kGroup));
    for (std::size_t i = 0; i < group.size(); ++i) {
      hashes[i] = Hash(group[i]);
      PrefetchForRead(&slots_[hashes[i] & (slots_.size() - 1)]);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      std::size_t at = hashes[i] & (slots_.size() - 1);
      while (slots_[at].tag != Tag(hashes[i]) && slots_[at].code != kUnknown) {
        at = (at + 1) & (slots_.size() - 1);
      }
      codes[i] = slots_[at].code;
      if (codes[i] != kUnknown) PrefetchForRead(&ids_[codes[i]]);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (codes[i] != kUnknown) PrefetchForRead(ids_[codes[i]].data());
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (codes[i] != kUnknown && Equal(ids_[codes[i]], group[i])) continue;
      codes[i] = EncodeAt(Probe(group[i], hashes[i]), group[i], hashes[i]);
    }
    codes += group.size();
    ids = ids.subspan(group.size());
  }
}

// `at` is the slot of `id`, or the free one where it belongs.
std::uint32_t DeviceDictionary::EncodeAt(std::size_t at, std::string_view id, std::uint64_t hash) {
  if (slots_[at].code != kUnknown) return slots_[at].code;
  const auto code = static_cast<std::uint32_t>(ids_.size());
  ids_.push_back(Keep(id));
  slots_[at] = {Tag(hash), code};
  if (ids_.size() * 2 > slots_.size()) Grow();
  return code;
}

void DeviceDictionary::Grow() {
  const std::size_t slots = slots_.size() * 2;
  slots_.assign(slots, Slot{0, kUnknown});
  for (std::uint32_t code = 0; code < ids_.size(); ++code) {
    const std::uint64_t hash = Hash(ids_[code]);
    slots_[Probe(ids_[code], hash)] = {Tag(hash), code};
  }
}

std::size_t DeviceDictionary::bytes() const {
  return slots_.capacity() * sizeof(Slot) + ids_.capacity() * sizeof(std::string_view) +
         chunk_bytes_;
}

std::string_view DeviceDictionary::Keep(std::string_view id) {
  if (id.size() > chunk_left_) {
    const std::size_t size = std::max(kChunkBytes, id.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    chunk_at_ = chunks_.back().get();
    chunk_left_ = size;
    chunk_bytes_ += size;
  }
  char* const kept = chunk_at_;
  if (!id.empty()) std::memcpy(kept, id.data(), id.size());
  chunk_at_ += id.size();
  chunk_left_ -= id.size();
  return {kept, id.size()};
}

}  // namespace tocsin
