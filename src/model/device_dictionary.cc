#include "model/device_dictionary.h"

#include <xxhash.h>

#include <algorithm>
#include <cstring>

namespace tocsin {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kChunkBytes = 64UL * 1024;

std::uint64_t Hash(std::string_view id) {
  return XXH3_64bits(id.data(), id.size());
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
    if (slot.tag == Tag(hash) && ids_[slot.code] == id) return at;
    at = (at + 1) & mask;
  }
}

std::uint32_t DeviceDictionary::Find(std::string_view id) const {
  return slots_[Probe(id, Hash(id))].code;
}

std::uint32_t DeviceDictionary::Encode(std::string_view id) {
  const std::uint64_t hash = Hash(id);
  const std::size_t at = Probe(id, hash);
  if (slots_[at].code != kUnknown) return slots_[at].code;
  const auto code = static_cast<std::uint32_t>(ids_.size());
  ids_.push_back(Keep(id));
  slots_[at] = {Tag(hash), code};
  if (ids_.size() * 3 > slots_.size() * 2) Grow();
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

std::string_view DeviceDictionary::Keep(std::string_view id) {
  if (id.size() > chunk_left_) {
    const std::size_t size = std::max(kChunkBytes, id.size());
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    chunk_at_ = chunks_.back().get();
    chunk_left_ = size;
  }
  char* const kept = chunk_at_;
  if (!id.empty()) std::memcpy(kept, id.data(), id.size());
  chunk_at_ += id.size();
  chunk_left_ -= id.size();
  return {kept, id.size()};
}

}  // namespace tocsin
