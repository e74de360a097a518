#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/prefetch.h"

namespace tocsin {

// Slots by dense device code, whose size is known when the program runs only: in pages that appear
// with the first code in them and never move. A slot begins at a multiple of kAlignment.
class SlotPages {
 public:
  static constexpr std::uint32_t kPage = 256;
  static constexpr std::size_t kAlignment = 32;

  using ForSlot = std::function<void(std::byte* slot)>;
  // `construct` is called for every slot of a new page, `destroy` for each at the end.
  SlotPages(std::size_t slot_bytes, ForSlot construct, ForSlot destroy)
      : stride_((slot_bytes + kAlignment - 1) / kAlignment * kAlignment),
        construct_(std::move(construct)),
        destroy_(std::move(destroy)) {}
  ~SlotPages() {
    ForEach([this](std::uint32_t, std::byte* slot) { destroy_(slot); });
  }
  SlotPages(const SlotPages&) = delete;
  SlotPages& operator=(const SlotPages&) = delete;

  std::byte* operator[](std::uint32_t code) {
    std::byte* const slot = Find(code);
    return slot != nullptr ? slot : Add(code);
  }
  // nullptr when nothing was ever stored near that code.
  std::byte* Find(std::uint32_t code) const {
    const std::uint32_t page = code / kPage;
    if (page >= pages_.size() || pages_[page] == nullptr) return nullptr;
    return pages_[page].get() + code % kPage * stride_;
  }
  void Prefetch(std::uint32_t code) const {
    const std::byte* const slot = Find(code);
    if (slot == nullptr) return;
    for (std::size_t at = 0; at < stride_; at += 64) PrefetchForWrite(slot + at);
  }
  // Calls `visit(code, slot)` for every slot of every page, in the order of codes.
  template <class Visit>
  void ForEach(Visit visit) const {
    for (std::size_t page = 0; page < pages_.size(); ++page) {
      if (pages_[page] == nullptr) continue;
      for (std::uint32_t i = 0; i < kPage; ++i) {
        visit(static_cast<std::uint32_t>(page) * kPage + i, pages_[page].get() + i * stride_);
      }
    }
  }
  std::size_t bytes() const {
    return used_ * kPage * stride_ + pages_.capacity() * sizeof(pages_[0]);
  }

 private:
  static constexpr std::align_val_t kPageAlignment{64};
  struct Free {
    void operator()(std::byte* page) const { ::operator delete[](page, kPageAlignment); }
  };

  [[gnu::noinline]] std::byte* Add(std::uint32_t code) {
    const std::uint32_t page = code / kPage;
    if (page >= pages_.size()) pages_.resize(page + 1);
    pages_[page].reset(static_cast<std::byte*>(::operator new[](kPage * stride_, kPageAlignment)));
    ++used_;
    for (std::uint32_t i = 0; i < kPage; ++i) construct_(pages_[page].get() + i * stride_);
    return pages_[page].get() + code % kPage * stride_;
  }

  std::size_t stride_;
  ForSlot construct_, destroy_;
  std::vector<std::unique_ptr<std::byte, Free>> pages_;
  std::size_t used_ = 0;
};

}  // namespace tocsin
