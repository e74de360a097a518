#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "rule/alert_lifecycle.h"

namespace tocsin {

// Alert instances by device code and rule: an open-addressing index of 4 bytes a slot over entries
// that stay where they are, in chunks.
//
// Memory: an entry is its instance and 8 bytes of key; the index is at most 2/3 and, unless many
// were erased, at least 1/3 full. Growing moves the index only. Threads: none but the owner's.
class InstanceTable {
 public:
  struct Entry {
    std::uint32_t device = 0;
    std::uint32_t rule = 0;
    AlertInstance instance;
  };

  // The entry, or nullptr. Valid until it is erased.
  AlertInstance* Find(std::uint32_t device, std::uint32_t rule);
  const AlertInstance* Find(std::uint32_t device, std::uint32_t rule) const;
  // The entry, made when there is none.
  AlertInstance& FindOrMake(std::uint32_t device, std::uint32_t rule);
  void Erase(std::uint32_t device, std::uint32_t rule);

  std::size_t size() const { return size_; }
  std::size_t bytes() const;

  // Calls back with every entry, in no particular order. The table must not change meanwhile.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (const std::uint32_t slot : slots_) {
      if (slot != kFree) visit(At(slot));
    }
  }

 private:
  static constexpr std::uint32_t kFree = 0xffffffff;
  static constexpr std::size_t kChunk = 1024;

  Entry& At(std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const Entry& At(std::uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  // The slot of the entry, or the free one where it belongs. The index must not be empty.
  std::size_t Probe(std::uint32_t device, std::uint32_t rule) const;
  void Grow();

  std::vector<std::uint32_t> slots_;  // power of two; linear probing
  std::vector<std::unique_ptr<Entry[]>> chunks_;
  std::vector<std::uint32_t> free_;  // entries to use again
  std::uint32_t used_ = 0;           // entries ever handed out
  std::size_t size_ = 0;
};

}  // namespace tocsin
