#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

namespace tocsin {

// One sample of a metric at one device.
struct Reading {
  std::int64_t t_us = 0;
  double x = 0;
};

// Some neighbours in a ReadingRing, the oldest first. Valid until the ring changes, except that
// readings put in behind leave it valid as long as the ring has not grown.
class ReadingView {
 public:
  ReadingView() = default;
  ReadingView(const Reading* data, std::uint32_t capacity, std::uint32_t head, std::uint32_t size)
      : data_(data), capacity_(capacity), head_(head), size_(size) {}

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Reading& operator[](std::uint32_t i) const {
    const std::uint32_t at = head_ + i;
    return data_[at >= capacity_ ? at - capacity_ : at];
  }
  const Reading& front() const { return data_[head_]; }
  const Reading& back() const { return (*this)[size_ - 1]; }

  void PopFront() {
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    --size_;
  }
  // Takes in the next reading of the ring.
  void Grow() { ++size_; }
  // An empty view before the `n`-th reading.
  ReadingView EmptyAt(std::uint32_t n) const {
    const std::uint32_t at = head_ + n;
    return {data_, capacity_, at >= capacity_ ? at - capacity_ : at, 0};
  }

 private:
  const Reading* data_ = nullptr;
  std::uint32_t capacity_ = 0, head_ = 0, size_ = 0;
};

// Readings of one device, by time, readings of equal time in the order of arrival. Grows by a
// quarter when full and shrinks when three quarters are empty.
class ReadingRing {
 public:
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Reading& operator[](std::uint32_t i) const { return data_[Slot(i)]; }
  const Reading& front() const { return data_[head_]; }
  const Reading& back() const { return (*this)[size_ - 1]; }

  // Of the newest `n` readings, or of the `n` before the newest `skip`.
  ReadingView Newest(std::uint32_t n, std::uint32_t skip = 0) const {
    return {data_.get(), capacity_, Slot(size_ - skip - n), n};
  }
  // Position after the last reading with time <= t_us.
  std::uint32_t UpperBound(std::int64_t t_us) const {
    if (empty() || back().t_us <= t_us) return size_;
    std::uint32_t low = 0, high = size_ - 1;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if ((*this)[middle].t_us <= t_us) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void PushBack(const Reading& reading) {
    if (size_ == capacity_)
      Resize(std::max(capacity_ + 4, (capacity_ / 4 + capacity_ + 3) / 4 * 4));
    data_[Slot(size_++)] = reading;
  }
  // Costs a step for every reading behind `at`.
  void Insert(std::uint32_t at, const Reading& reading) {
    PushBack(reading);
    for (std::uint32_t i = size_ - 1; i > at; --i) data_[Slot(i)] = data_[Slot(i - 1)];
    data_[Slot(at)] = reading;
  }
  void PopFront(std::uint32_t n = 1) {
    head_ = Slot(n);
    size_ -= n;
  }
  void PopBack() { --size_; }
  void Clear() { size_ = 0; }
  void ShrinkWhenSparse() {
    if (capacity_ > 16 && size_ < capacity_ / 4) Resize(std::max<std::uint32_t>(8, size_ * 2));
  }

  // The place of the next reading, and those of the first two of the newest `n`: what a window that
  // moves looks at.
  void PrefetchBack() const {
    if (capacity_ > 0) __builtin_prefetch(&data_[size_ == capacity_ ? head_ : Slot(size_)], 1);
  }
  void PrefetchNewest(std::uint32_t n) const {
    if (n == 0) return;
    __builtin_prefetch(&data_[Slot(size_ - n)]);
    __builtin_prefetch(&data_[Slot(size_ - n + 1)]);
  }
  std::size_t bytes() const { return capacity_ * sizeof(Reading); }

 private:
  std::uint32_t Slot(std::uint32_t i) const {
    const std::uint32_t at = head_ + i;
    return at >= capacity_ ? at - capacity_ : at;
  }
  void Resize(std::uint32_t capacity) {
    auto moved = std::make_unique_for_overwrite<Reading[]>(capacity);
    for (std::uint32_t i = 0; i < size_; ++i) moved[i] = (*this)[i];
    data_ = std::move(moved);
    capacity_ = capacity;
    head_ = 0;
  }

  std::unique_ptr<Reading[]> data_;
  std::uint32_t capacity_ = 0, head_ = 0, size_ = 0;
};

}  // namespace tocsin
