#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/prefetch.h"

namespace tocsin {

// Slots by dense device code, in pages that appear with the first code in them and never move.
template <class Slot>
class PagedArray {
 public:
  static constexpr std::uint32_t kPage = 256;

  Slot& operator[](std::uint32_t code) {
    const std::uint32_t page = code / kPage;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) {
      pages_[page] = std::make_unique<Slot[]>(kPage);
      ++used_;
    }
    return pages_[page][code % kPage];
  }
  // nullptr when nothing was ever stored near that code.
  const Slot* Find(std::uint32_t code) const {
    const std::uint32_t page = code / kPage;
    if (page >= pages_.size() || pages_[page] == nullptr) return nullptr;
    return &pages_[page][code % kPage];
  }
  void Prefetch(std::uint32_t code) const {
    const Slot* const slot = Find(code);
    if (slot == nullptr) return;
    for (std::size_t at = 0; at < sizeof(Slot); at += 64) {
      PrefetchForWrite(reinterpret_cast<const char*>(slot) + at);
    }
  }
  // Calls `visit(code, slot)` for every slot of every page, in the order of codes.
  template <class Visit>
  void ForEach(Visit visit) {
    for (std::size_t page = 0; page < pages_.size(); ++page) {
      if (pages_[page] == nullptr) continue;
      for (std::uint32_t i = 0; i < kPage; ++i) {
        visit(static_cast<std::uint32_t>(page) * kPage + i, pages_[page][i]);
      }
    }
  }
  template <class Visit>
  void ForEach(Visit visit) const {
    const_cast<PagedArray*>(this)->ForEach(
        [&](std::uint32_t code, const Slot& slot) { visit(code, slot); });
  }
  std::size_t bytes() const {
    return used_ * kPage * sizeof(Slot) + pages_.capacity() * sizeof(pages_[0]);
  }

 private:
  std::vector<std::unique_ptr<Slot[]>> pages_;
  std::size_t used_ = 0;
};

}  // namespace tocsin
