#include "functions/sorted_window.h"

#include <algorithm>

namespace tocsin {

void SortedWindow::Resize(std::uint32_t capacity) {
  auto moved = std::make_unique_for_overwrite<double[]>(capacity);
  std::copy_n(few_.get(), size_, moved.get());
  few_ = std::move(moved);
  capacity_ = capacity;
}

void SortedWindow::SplitIntoBlocks() {
  blocks_ = std::make_unique<Blocks>();
  const double* const middle = few_.get() + size_ / 2;
  blocks_->block.emplace_back(static_cast<const double*>(few_.get()), middle);
  blocks_->block.emplace_back(middle, static_cast<const double*>(few_.get()) + size_);
  blocks_->start = {0, size_ / 2};
  few_.reset();
  capacity_ = 0;
}

void SortedWindow::JoinBlocks() {
  few_ = std::make_unique_for_overwrite<double[]>(kBlock);
  capacity_ = kBlock;
  double* to = few_.get();
  for (const auto& block : blocks_->block) to = std::copy(block.begin(), block.end(), to);
  blocks_.reset();
}

double SortedWindow::InBlocks(std::uint32_t rank) const {
  const auto& start = blocks_->start;
  const auto i =
      static_cast<std::size_t>(std::ranges::upper_bound(start, rank) - start.begin()) - 1;
  return blocks_->block[i][rank - start[i]];
}

std::size_t SortedWindow::BlockOf(double x) const {
  const auto& all = blocks_->block;
  const auto found = std::ranges::lower_bound(
      all, x, {}, [](const std::vector<double>& block) { return block.back(); });
  return std::min(static_cast<std::size_t>(found - all.begin()), all.size() - 1);
}

void SortedWindow::Add(double x) {
  if (blocks_ == nullptr && size_ == kBlock) SplitIntoBlocks();
  if (blocks_ == nullptr) {
    if (size_ == capacity_) {
      Resize(std::min(kBlock, std::max<std::uint32_t>(4, capacity_ + capacity_ / 2)));
    }
    double* const end = few_.get() + size_++;
    double* const at = std::upper_bound(few_.get(), end, x);
    std::copy_backward(at, end, end + 1);
    *at = x;
    return;
  }
  ++size_;
  const std::size_t i = BlockOf(x);
  std::vector<double>& block = blocks_->block[i];
  block.insert(std::ranges::upper_bound(block, x), x);
  for (std::size_t k = i + 1; k < blocks_->start.size(); ++k) ++blocks_->start[k];
  if (block.size() <= kBlock) return;
  const auto half = static_cast<std::ptrdiff_t>(block.size() / 2);
  std::vector<double> upper(block.begin() + half, block.end());
  block.resize(static_cast<std::size_t>(half));
  const auto next = static_cast<std::ptrdiff_t>(i + 1);
  blocks_->start.insert(blocks_->start.begin() + next,
                        blocks_->start[i] + static_cast<std::uint32_t>(half));
  blocks_->block.insert(blocks_->block.begin() + next, std::move(upper));
}

void SortedWindow::Remove(double x) {
  if (blocks_ == nullptr) {
    double* const end = few_.get() + size_;
    double* const at = std::lower_bound(few_.get(), end, x);
    std::copy(at + 1, end, at);
    --size_;
    if (capacity_ > 16 && size_ < capacity_ / 4) Resize(capacity_ / 2);
    return;
  }
  const std::size_t i = BlockOf(x);
  std::vector<double>& block = blocks_->block[i];
  block.erase(std::ranges::lower_bound(block, x));
  --size_;
  for (std::size_t k = i + 1; k < blocks_->start.size(); ++k) --blocks_->start[k];
  if (block.empty()) {
    blocks_->block.erase(blocks_->block.begin() + static_cast<std::ptrdiff_t>(i));
    blocks_->start.erase(blocks_->start.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (size_ <= kBlock / 2) JoinBlocks();
}

std::size_t SortedWindow::bytes() const {
  std::size_t total = capacity_ * sizeof(double);
  if (blocks_ == nullptr) return total;
  total += blocks_->start.capacity() * sizeof(std::uint32_t);
  for (const auto& block : blocks_->block) {
    total += sizeof(block) + block.capacity() * sizeof(double);
  }
  return total;
}

std::size_t SortedWindow::largest_block() const {
  std::size_t largest = blocks_ == nullptr ? size_ : 0;
  if (blocks_ == nullptr) return largest;
  for (const auto& block : blocks_->block) largest = std::max(largest, block.size());
  return largest;
}

}  // namespace tocsin
