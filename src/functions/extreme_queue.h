#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "functions/reading_ring.h"

namespace tocsin {

// The readings of a window that no later one undercuts, by time. Mostly few (five of sixty readings
// in no particular order): those lie in place, more of them in a ring.
class ExtremeQueue {
 public:
  std::uint32_t size() const { return many_ == nullptr ? few_size_ : many_->size(); }
  bool empty() const { return size() == 0; }
  Reading operator[](std::uint32_t i) const { return many_ == nullptr ? few_[i] : (*many_)[i]; }
  Reading front() const { return (*this)[0]; }
  Reading back() const { return (*this)[size() - 1]; }

  void PushBack(const Reading& reading) {
    if (many_ == nullptr && few_size_ < kFew) {
      few_[few_size_++] = reading;
    } else {
      PushBackToMany(reading);
    }
  }
  void PopBack() {
    if (many_ == nullptr) {
      --few_size_;
    } else {
      many_->PopBack();
    }
  }
  void PopFront() {
    if (many_ != nullptr) return PopFrontOfMany();
    std::copy(few_ + 1, few_ + few_size_, few_);
    --few_size_;
  }
  void Prefetch() const {
    if (many_ == nullptr) return;
    many_->PrefetchBack();
    many_->PrefetchNewest(many_->size());
  }
  std::size_t bytes() const { return many_ == nullptr ? 0 : sizeof(ReadingRing) + many_->bytes(); }

 private:
  static constexpr std::uint32_t kFew = 7;

  [[gnu::noinline]] void PushBackToMany(const Reading& reading) {
    if (many_ == nullptr) {
      many_ = std::make_unique<ReadingRing>();
      for (std::uint32_t i = 0; i < few_size_; ++i) many_->PushBack(few_[i]);
    }
    many_->PushBack(reading);
  }
  [[gnu::noinline]] void PopFrontOfMany() {
    many_->PopFront();
    many_->ShrinkWhenSparse();
    if (many_->size() > kFew - 2) return;
    few_size_ = many_->size();
    for (std::uint32_t i = 0; i < few_size_; ++i) few_[i] = (*many_)[i];
    many_ = nullptr;
  }

  std::unique_ptr<ReadingRing> many_;  // nullptr: all are in few_
  std::uint32_t few_size_ = 0;
  Reading few_[kFew];
};

}  // namespace tocsin
