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

// Readings of one device, by time, readings of equal time in the order of arrival. A ring that
// grows by half when full and shrinks when three quarters are empty.
//
// Some readings may lie hidden before the first: they left the window but are kept for a while, for
// events that come late. Positions, size() and front() are of the others; kept(i) counts from the
// oldest hidden one.
class ReadingRing {
 public:
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const Reading& operator[](std::uint32_t i) const { return data_[Slot(i)]; }
  const Reading& front() const { return data_[head_]; }
  const Reading& back() const { return (*this)[size_ - 1]; }

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

  std::uint32_t hidden() const { return hidden_; }
  std::uint32_t kept_size() const { return hidden_ + size_; }
  const Reading& kept(std::uint32_t i) const {
    return i < hidden_ ? data_[HiddenSlot(i)] : (*this)[i - hidden_];
  }
  // Position, counted as in kept(), after the last reading with time <= t_us.
  std::uint32_t KeptUpperBound(std::int64_t t_us) const {
    if (size_ > 0 && front().t_us <= t_us) return hidden_ + UpperBound(t_us);
    std::uint32_t end = hidden_;
    while (end > 0 && kept(end - 1).t_us > t_us) --end;
    return end;
  }
  void HideFront() {
    PopFront();
    ++hidden_;
  }
  void DropHidden() { --hidden_; }
  // Puts a reading among the hidden ones; `at` as in kept(), at most hidden().
  void InsertHidden(std::uint32_t at, const Reading& reading) {
    PushBack(reading);
    for (std::uint32_t i = size_ - 1; i > 0; --i) data_[Slot(i)] = data_[Slot(i - 1)];
    data_[head_] = reading;
    HideFront();
    for (std::uint32_t i = hidden_ - 1; i > at; --i) {
      data_[HiddenSlot(i)] = data_[HiddenSlot(i - 1)];
    }
    data_[HiddenSlot(at)] = reading;
  }

  void PushBack(const Reading& reading) {
    if (hidden_ + size_ == capacity_) Resize(std::max<std::uint32_t>(4, capacity_ + capacity_ / 2));
    data_[Slot(size_++)] = reading;
  }
  // Costs a step for every reading behind `at`.
  void Insert(std::uint32_t at, const Reading& reading) {
    PushBack(reading);
    for (std::uint32_t i = size_ - 1; i > at; --i) data_[Slot(i)] = data_[Slot(i - 1)];
    data_[Slot(at)] = reading;
  }
  void PopFront() {
    head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
    --size_;
  }
  void PopBack() { --size_; }
  void ShrinkWhenSparse() {
    const std::uint32_t kept = kept_size();
    if (capacity_ > 16 && kept < capacity_ / 4) Resize(std::max<std::uint32_t>(8, kept * 2));
  }

  void Prefetch() const {
    if (size_ == 0) return;
    __builtin_prefetch(&data_[head_]);
    __builtin_prefetch(&data_[Slot(kept_size() == capacity_ ? size_ - 1 : size_)], 1);
  }
  std::size_t bytes() const { return capacity_ * sizeof(Reading); }

 private:
  std::uint32_t Slot(std::uint32_t i) const {
    const std::uint32_t at = head_ + i;
    return at >= capacity_ ? at - capacity_ : at;
  }
  std::uint32_t HiddenSlot(std::uint32_t i) const {
    const std::uint32_t back = hidden_ - i;  // places before head_
    return back > head_ ? head_ + capacity_ - back : head_ - back;
  }
  void Resize(std::uint32_t capacity) {
    auto moved = std::make_unique_for_overwrite<Reading[]>(capacity);
    for (std::uint32_t i = 0; i < kept_size(); ++i) moved[i] = kept(i);
    data_ = std::move(moved);
    capacity_ = capacity;
    head_ = hidden_;
  }

  std::unique_ptr<Reading[]> data_;
  std::uint32_t capacity_ = 0, head_ = 0, size_ = 0, hidden_ = 0;
};

}  // namespace tocsin
