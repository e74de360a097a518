#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/prefetch.h"

namespace tocsin {

// The values of a window in ascending order: one array while there are few, then blocks of at most
// kBlock values, so that no step moves more than that many. Finite values only, and no -0.
class SortedWindow {
 public:
  static constexpr std::uint32_t kBlock = 512;

  std::uint32_t size() const { return size_; }
  void Add(double x);
  void Remove(double x);  // one value equal to x, which is there
  double operator[](std::uint32_t rank) const {
    return blocks_ == nullptr ? few_[rank] : InBlocks(rank);
  }
  void Prefetch() const {
    if (capacity_ > 0) PrefetchForWrite(&few_[size_ / 2]);
  }
  std::size_t bytes() const;
  std::size_t largest_block() const;

 private:
  struct Blocks {
    std::vector<std::vector<double>> block;  // none empty
    std::vector<std::uint32_t> start;        // rank of the first value of each
  };
  double InBlocks(std::uint32_t rank) const;
  void Resize(std::uint32_t capacity);
  void SplitIntoBlocks();
  void JoinBlocks();
  std::size_t BlockOf(double x) const;

  std::unique_ptr<double[]> few_;
  std::unique_ptr<Blocks> blocks_;
  std::uint32_t size_ = 0, capacity_ = 0;
};

}  // namespace tocsin
