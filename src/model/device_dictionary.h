#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin {

// Device ids as dense codes 0, 1, 2 … in order of first sight, so that per-device state is an
// array. Codes are of this object only: on disk they stand beside its ids, in their order.
//
// Memory: the id's bytes plus about 40 bytes a device. Threads: none but the owner's.
class DeviceDictionary {
 public:
  DeviceDictionary();
  // The code of `id`, which gets the next one when it is new.
  std::uint32_t Encode(std::string_view id);
  // The codes of many ids to `codes`, as Encode() of one after the other gives them: faster, since
  // the waits for memory overlap.
  void EncodeAll(std::span<const std::string_view> ids, std::uint32_t* codes);
  // The code of `id`, or kUnknown.
  std::uint32_t Find(std::string_view id) const;
  // The id of `code`; valid as long as the dictionary lives.
  std::string_view Decode(std::uint32_t code) const { return ids_[code]; }
  std::size_t size() const { return ids_.size(); }
  // Of memory, held by it.
  std::size_t bytes() const;

  static constexpr std::uint32_t kUnknown = 0xffffffff;

 private:
  struct Slot {
    std::uint32_t tag;   // upper half of the hash
    std::uint32_t code;  // kUnknown marks a free slot
  };
  std::size_t Probe(std::string_view id, std::uint64_t hash) const;
  std::uint32_t EncodeAt(std::size_t at, std::string_view id, std::uint64_t hash);
  void Grow();
  std::string_view Keep(std::string_view id);

  std::vector<Slot> slots_;  // open addressing, linear probing, power of two, at most half full
  std::vector<std::string_view> ids_;
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t chunk_bytes_ = 0;  // of all chunks
  std::size_t chunk_left_ = 0;
  char* chunk_at_ = nullptr;
};

}  // namespace tocsin
