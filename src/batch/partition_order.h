#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tocsin {

// The rows of a chunk by partition, those of a partition in their order. Keeps its memory.
class PartitionOrder {
 public:
  // Row r goes to partition[r] < `partitions`. A counting sort.
  void Sort(std::span<const std::uint32_t> partition, std::size_t partitions) {
    counts_.assign(partitions, 0);
    for (const std::uint32_t p : partition) ++counts_[p];
    std::uint32_t next = 0;
    for (std::uint32_t& count : counts_) next += std::exchange(count, next);
    rows_.resize(partition.size());
    for (std::uint32_t row = 0; row < partition.size(); ++row) {
      rows_[counts_[partition[row]]++] = row;
    }
  }
  std::size_t size() const { return rows_.size(); }
  std::uint32_t operator[](std::size_t i) const { return rows_[i]; }

 private:
  std::vector<std::uint32_t> rows_;
  std::vector<std::uint32_t> counts_;  // of each partition, then where its rows begin
};

}  // namespace tocsin
