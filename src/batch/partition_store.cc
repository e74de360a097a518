#include "batch/partition_store.h"

#include <algorithm>
#include <utility>

#include "base/file.h"

namespace tocsin {
namespace {

constexpr std::size_t kBlockBytes = 16 * 1024;

}  // namespace

void RowColumns::Clear() {
  device.clear();
  time_us.clear();
  status.clear();
  for (auto& column : metrics) column.clear();
}

PartitionStore::PartitionStore(std::size_t metric_count, std::size_t partitions,
                               std::size_t memory_bytes, std::string spill_directory)
    : block_bytes_(std::max(kBlockBytes, kMaxRowHeadBytes + metric_count * kMaxMetricBytes)),
      max_blocks_(std::max(memory_bytes / block_bytes_, partitions + 1)),
      spill_directory_(std::move(spill_directory)),
      partitions_(partitions) {}

Status PartitionStore::BeginBlock(Partition& partition) {
  CloseBlock(partition);
  if (blocks_ == max_blocks_) TOCSIN_TRY(Spill());
  Block& block = partition.blocks.emplace_back();
  if (free_blocks_.empty()) {
    block.bytes = std::make_unique_for_overwrite<char[]>(block_bytes_);
  } else {
    block.bytes = std::move(free_blocks_.back());
    free_blocks_.pop_back();
  }
  ++blocks_;
  partition.at = block.bytes.get();
  partition.end = partition.at + block_bytes_;
  partition.last_time_us = 0;
  partition.block_rows = 0;
  return {};
}

void PartitionStore::CloseBlock(Partition& partition) {
  if (partition.blocks.empty()) return;
  Block& block = partition.blocks.back();
  block.size = static_cast<std::size_t>(partition.at - block.bytes.get());
  block.rows = partition.block_rows;
}

// Partition by partition, so that the file is read in long stretches.
Status PartitionStore::Spill() {
  if (!spill_) {
    TOCSIN_TRY(MakeDirectories(spill_directory_));
    TOCSIN_ASSIGN(spill_, SpillFile::Create(spill_directory_));
  }
  for (Partition& partition : partitions_) {
    CloseBlock(partition);
    for (Block& block : partition.blocks) {
      TOCSIN_ASSIGN(const std::uint64_t position,
                    spill_->AppendBytes({block.bytes.get(), block.size}));
      partition.spilled.push_back({position, block.size, block.rows});
      free_blocks_.push_back(std::move(block.bytes));
    }
    partition.blocks.clear();
    partition.at = partition.end = nullptr;
  }
  blocks_ = 0;
  return {};
}

Status PartitionStore::Read(std::size_t partition, RowColumns& rows) const {
  return ForEachRawBlock(partition, [&](std::string_view bytes, std::uint32_t count) -> Status {
    ReadRawBlock(bytes.data(), count, rows);
    return {};
  });
}

Status PartitionStore::ForEachBlock(
    std::size_t partition, RowColumns& rows,
    const std::function<Status(const RowColumns& rows)>& use) const {
  return ForEachRawBlock(partition, [&](std::string_view bytes, std::uint32_t count) -> Status {
    rows.Clear();
    ReadRawBlock(bytes.data(), count, rows);
    return use(rows);
  });
}

Status PartitionStore::ForEachRawBlock(std::size_t partition, const UseRawBlock& use) const {
  const Partition& from = partitions_[partition];
  std::string bytes;
  for (const Extent& extent : from.spilled) {
    bytes.resize(extent.size);
    TOCSIN_TRY(spill_->ReadBytes(extent.position, bytes.data(), bytes.size()));
    TOCSIN_TRY(use(bytes, extent.rows));
  }
  for (const Block& block : from.blocks) {
    const bool open = &block == &from.blocks.back();
    const char* const begin = block.bytes.get();
    const std::size_t size = open ? static_cast<std::size_t>(from.at - begin) : block.size;
    TOCSIN_TRY(use({begin, size}, open ? from.block_rows : block.rows));
  }
  return {};
}

void PartitionStore::ReadRawBlock(const char* at, std::uint32_t count, RowColumns& rows) {
  const std::size_t first = rows.size();
  const std::size_t size = first + count;
  rows.device.resize(size);
  rows.time_us.resize(size);
  rows.status.resize(size);
  for (auto& column : rows.metrics) column.resize(size);
  std::int64_t time_us = 0;
  for (std::size_t row = first; row < size; ++row) {
    std::uint64_t word = 0;
    at = ReadOwnVarint(at, word);
    rows.device[row] = static_cast<std::uint32_t>(word);
    at = ReadOwnVarint(at, word);
    time_us += UnZigZag(word);
    rows.time_us[row] = time_us;
    at = ReadOwnVarint(at, word);
    rows.status[row] = static_cast<std::uint32_t>(word) - 1;
    for (auto& column : rows.metrics) at = ReadMetric(at, column[row]);
  }
}

void PartitionStore::Release(std::size_t partition) {
  Partition& gone = partitions_[partition];
  gone.blocks = std::vector<Block>();
  gone.spilled = std::vector<Extent>();
}

}  // namespace tocsin
