#include "batch/partition_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace tocsin {

PartitionStore::PartitionStore(std::size_t metric_count, std::size_t partitions,
                               std::size_t memory_bytes, std::string spill_directory)
    : block_bytes_(RowSegments::MaxSegmentBytes(metric_count)),
      max_blocks_(std::max(memory_bytes / block_bytes_, partitions + 1)),
      spill_directory_(std::move(spill_directory)),
      partitions_(partitions) {}

// A block has room for `bytes` in one piece.
Status PartitionStore::BeginBlock(Partition& partition, std::size_t bytes) {
  if (blocks_ >= max_blocks_) TOCSIN_TRY(Spill());
  Block& block = partition.blocks.emplace_back();
  block.capacity = std::max(bytes, block_bytes_);
  if (bytes > block_bytes_ || free_blocks_.empty()) {
    block.bytes = std::make_unique_for_overwrite<char[]>(block.capacity + kFieldSlack);
    // One of an unusual size counts for as many as have its bytes.
    blocks_ += (block.capacity - 1) / block_bytes_;
  } else {
    block.bytes = std::move(free_blocks_.back());
    free_blocks_.pop_back();
  }
  ++blocks_;
  return {};
}

Status PartitionStore::Append(std::span<const RowSegment> segments, const char* bytes) {
  for (const RowSegment& segment : segments) {
    Partition& to = partitions_[segment.partition];
    if (to.blocks.empty() || to.blocks.back().capacity - to.blocks.back().size < segment.size) {
      TOCSIN_TRY(BeginBlock(to, segment.size));
    }
    Block& block = to.blocks.back();
    std::memcpy(block.bytes.get() + block.size, bytes + segment.begin, segment.size);
    block.size += segment.size;
    block.rows += segment.rows;
    to.rows += segment.rows;
    to.bytes += segment.size;
  }
  return {};
}

// Partition by partition, so that the file is read in long stretches.
Status PartitionStore::Spill() {
  if (!spill_) {
    TOCSIN_TRY(MakeDirectories(spill_directory_));
    TOCSIN_ASSIGN(spill_, SpillFile::Create(spill_directory_));
  }
  for (Partition& partition : partitions_) {
    for (Block& block : partition.blocks) {
      TOCSIN_ASSIGN(const std::uint64_t position,
                    spill_->AppendBytes({block.bytes.get(), block.size}));
      partition.spilled.push_back({position, block.size, block.rows});
      if (block.capacity == block_bytes_) free_blocks_.push_back(std::move(block.bytes));
    }
    partition.blocks.clear();
  }
  blocks_ = 0;
  return {};
}

Status PartitionStore::Read(std::size_t partition, RowColumns& rows, std::size_t at) const {
  return ForEachRawBlock(partition, [&](std::string_view segments, std::uint32_t) -> Status {
    at = RowSegments::Read(segments, rows, at);
    return {};
  });
}

Status PartitionStore::ForEachBlock(
    std::size_t partition, RowColumns& rows,
    const std::function<Status(const RowColumns& rows)>& use) const {
  return ForEachRawBlock(partition, [&](std::string_view segments, std::uint32_t count) -> Status {
    rows.Resize(count);
    RowSegments::Read(segments, rows, 0);
    return use(rows);
  });
}

Status PartitionStore::ForEachRawBlock(std::size_t partition, const UseRawBlock& use) const {
  const Partition& from = partitions_[partition];
  std::string bytes;
  for (const Extent& extent : from.spilled) {
    bytes.resize(extent.size + kFieldSlack);
    TOCSIN_TRY(spill_->ReadBytes(extent.position, bytes.data(), extent.size));
    TOCSIN_TRY(use(std::string_view(bytes).substr(0, extent.size), extent.rows));
  }
  for (const Block& block : from.blocks) {
    TOCSIN_TRY(use({block.bytes.get(), block.size}, block.rows));
  }
  return {};
}

void PartitionStore::Release(std::size_t partition) {
  Partition& gone = partitions_[partition];
  gone.blocks = std::vector<Block>();
  gone.spilled = std::vector<Extent>();
}

}  // namespace tocsin
