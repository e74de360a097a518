#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/prefetch.h"

namespace tocsin {

// One sample of a metric at one device.
struct Reading {
  std::int64_t t_us = 0;
  double x = 0;
};

// A time and the values of one or more arguments at it, as a ring keeps them: word 0 is the time,
// word 1 + a the value of argument a.
using RowWord = std::uint64_t;
inline Reading ReadingOf(const RowWord* row, std::uint32_t argument) {
  return {std::bit_cast<std::int64_t>(row[0]), std::bit_cast<double>(row[1 + argument])};
}
inline void WriteRow(const Reading& reading, RowWord* row) {
  row[0] = std::bit_cast<RowWord>(reading.t_us);
  row[1] = std::bit_cast<RowWord>(reading.x);
}
class ReadingRow {
 public:
  static constexpr std::uint32_t kMostArguments = 8;

  explicit ReadingRow(std::int64_t t_us) { words_[0] = std::bit_cast<RowWord>(t_us); }

  std::int64_t t_us() const { return std::bit_cast<std::int64_t>(words_[0]); }
  void Set(std::uint32_t argument, double x) { words_[1 + argument] = std::bit_cast<RowWord>(x); }
  const RowWord* words() const { return words_.data(); }

 private:
  std::array<RowWord, 1 + kMostArguments> words_;  // those of no argument are never read
};

// Some neighbours in a ReadingRing, the oldest first, as readings of one of its arguments. Valid
// until the ring changes, except that rows put in behind leave it valid as long as the ring has not
// grown.
class ReadingView {
 public:
  ReadingView() = default;
  ReadingView(const RowWord* words, std::uint32_t row_words, std::uint32_t capacity,
              std::uint32_t head, std::uint32_t size)
      : words_(words), row_words_(row_words), capacity_(capacity), head_(head), size_(size) {}

  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  Reading operator[](std::uint32_t i) const {
    const std::uint32_t at = head_ + i;
    return AtSlot(at >= capacity_ ? at - capacity_ : at);
  }
  Reading front() const { return AtSlot(head_); }
  Reading back() const { return (*this)[size_ - 1]; }

  // The same rows, of another argument.
  ReadingView Of(std::uint32_t argument) const {
    ReadingView other = *this;
    other.argument_ = argument;
    return other;
  }
  void PopFront(std::uint32_t n = 1) {
    head_ = head_ + n >= capacity_ ? head_ + n - capacity_ : head_ + n;
    size_ -= n;
  }
  // Takes in the next reading of the ring.
  void Grow() { ++size_; }
  // An empty view before the `n`-th reading.
  ReadingView EmptyAt(std::uint32_t n) const {
    ReadingView other = *this;
    other.PopFront(n);
    other.size_ = 0;
    return other;
  }

 private:
  Reading AtSlot(std::uint32_t slot) const {
    return ReadingOf(words_ + std::size_t{slot} * row_words_, argument_);
  }

  const RowWord* words_ = nullptr;
  std::uint32_t row_words_ = 2, capacity_ = 0, head_ = 0, size_ = 0, argument_ = 0;
};

// Rows of one device, by time, rows of equal time in the order of arrival. Grows by a quarter when
// full and shrinks when three quarters are empty.
class ReadingRing {
 public:
  explicit ReadingRing(std::uint32_t arguments = 1) : row_words_(1 + arguments) {}

  std::uint32_t arguments() const { return row_words_ - 1; }
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::int64_t TimeAt(std::uint32_t i) const { return std::bit_cast<std::int64_t>(Row(i)[0]); }
  double ValueAt(std::uint32_t i, std::uint32_t argument) const {
    return std::bit_cast<double>(Row(i)[1 + argument]);
  }
  // Of the first argument.
  Reading operator[](std::uint32_t i) const { return {TimeAt(i), ValueAt(i, 0)}; }
  Reading front() const { return (*this)[0]; }
  Reading back() const { return (*this)[size_ - 1]; }
  const RowWord* Row(std::uint32_t i) const {
    return words_.get() + std::size_t{Slot(i)} * row_words_;
  }

  // Of the newest `n` rows, or of the `n` before the newest `skip`.
  ReadingView Newest(std::uint32_t n, std::uint32_t skip = 0) const {
    return {words_.get(), row_words_, capacity_, Slot(size_ - skip - n), n};
  }
  // Position after the last row with time <= t_us.
  std::uint32_t UpperBound(std::int64_t t_us) const {
    if (empty() || TimeAt(size_ - 1) <= t_us) return size_;
    std::uint32_t low = 0, high = size_ - 1;
    while (low < high) {
      const std::uint32_t middle = low + (high - low) / 2;
      if (TimeAt(middle) <= t_us) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  // Room for the words of one more row at the end.
  RowWord* Extend() {
    if (size_ == capacity_)
      Resize(std::max(capacity_ + 4, (capacity_ / 4 + capacity_ + 3) / 4 * 4));
    return words_.get() + std::size_t{Slot(size_++)} * row_words_;
  }
  // `row` has the words of as many arguments as the ring.
  void PushBack(const RowWord* row) { std::copy_n(row, row_words_, Extend()); }
  void PushBack(const ReadingRow& row) { PushBack(row.words()); }
  void PushBack(const Reading& reading) { WriteRow(reading, Extend()); }
  // Costs a step for every row behind `at`.
  void Insert(std::uint32_t at, const RowWord* row) {
    PushBack(row);
    for (std::uint32_t i = size_ - 1; i > at; --i) Put(i, Row(i - 1));
    Put(at, row);
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

  // The place of the next row, and those of the first two of the newest `n`: what a window that
  // moves looks at.
  void PrefetchBack() const {
    if (capacity_ > 0) PrefetchForWrite(Row(size_ == capacity_ ? 0 : size_));
  }
  void PrefetchNewest(std::uint32_t n) const {
    if (n == 0) return;
    const RowWord* const oldest = Row(size_ - n);
    PrefetchForRead(oldest);
    PrefetchForRead(oldest + row_words_);  // seldom at the end of the memory
  }
  std::size_t bytes() const { return std::size_t{capacity_} * row_words_ * sizeof(RowWord); }

 private:
  std::uint32_t Slot(std::uint32_t i) const {
    const std::uint32_t at = head_ + i;
    return at >= capacity_ ? at - capacity_ : at;
  }
  void Put(std::uint32_t i, const RowWord* row) {
    std::copy_n(row, row_words_, words_.get() + std::size_t{Slot(i)} * row_words_);
  }
  void Resize(std::uint32_t capacity) {
    auto moved = std::make_unique_for_overwrite<RowWord[]>(std::size_t{capacity} * row_words_);
    for (std::uint32_t i = 0; i < size_; ++i) {
      std::copy_n(Row(i), row_words_, moved.get() + std::size_t{i} * row_words_);
    }
    words_ = std::move(moved);
    capacity_ = capacity;
    head_ = 0;
  }

  std::unique_ptr<RowWord[]> words_;
  std::uint32_t row_words_, capacity_ = 0, head_ = 0, size_ = 0;
};

}  // namespace tocsin
