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

Status PartitionStore::BeginBlock(Partition& partition) {
  if (blocks_ == max_blocks_) TOCSIN_TRY(Spill());
  Block& block = partition.blocks.emplace_back();
  if (free_blocks_.empty()) {
    block.bytes = std::make_unique_for_overwrite<char[]>(block_bytes_ + kFieldSlack);
  } else {
    block.bytes = std::move(free_blocks_.back());
    free_blocks_.pop_back();
  }
  ++blocks_;
  return {};
}

Status PartitionStore::Append(const RowSegments& rows) {
  for (const RowSegments::Segment& segment : rows.segments()) {
    Partition& to = partitions_[segment.partition];
    if (to.blocks.empty() || block_bytes_ - to.blocks.back().size < segment.size) {
      TOCSIN_TRY(BeginBlock(to));
    }
    Block& block = to.blocks.back();
    std::memcpy(block.bytes.get() + block.size, rows.BytesOf(segment).data(), segment.size);
    block.size += segment.size;
    block.rows += segment.rows;
    to.rows += segment.rows;
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
      free_blocks_.push_back(std::move(block.bytes));
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
