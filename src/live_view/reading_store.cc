#include "live_view/reading_store.h"

#include <algorithm>

namespace tocsin {

struct ReadingStore::Chunk {
  explicit Chunk(std::size_t metric_count) : values(kChunkRows * metric_count) {
    device.reserve(kChunkRows);
    time_us.reserve(kChunkRows);
    received_ms.reserve(kChunkRows);
    partition.reserve(kChunkRows);
    offset.reserve(kChunkRows);
  }
  std::vector<std::uint32_t> device;
  std::vector<std::int64_t> time_us;
  std::vector<std::int64_t> received_ms;
  std::vector<std::int32_t> partition;
  std::vector<std::int64_t> offset;
  std::vector<double> values;  // row by row
  std::int64_t first_us = INT64_MAX;
  std::int64_t last_us = INT64_MIN;
};

ReadingStore::ReadingStore(std::size_t metric_count, std::size_t max_bytes)
    : metric_count_(metric_count),
      chunk_bytes_(kChunkRows * (2 * sizeof(std::int32_t) + 3 * sizeof(std::int64_t) +
                                 metric_count * sizeof(double))),
      max_chunks_(std::max<std::size_t>(2, max_bytes / chunk_bytes_)) {}

ReadingStore::~ReadingStore() = default;

void ReadingStore::Add(std::uint32_t device, const Reading& reading) {
  if (chunks_.empty() || chunks_.back()->device.size() == kChunkRows) {
    if (chunks_.size() == max_chunks_) {
      size_ -= chunks_.front()->device.size();
      chunks_.pop_front();
    }
    chunks_.push_back(std::make_unique<Chunk>(metric_count_));
  }
  Chunk& chunk = *chunks_.back();
  std::ranges::copy(
      reading.values,
      chunk.values.begin() + static_cast<std::ptrdiff_t>(chunk.device.size() * metric_count_));
  chunk.device.push_back(device);
  chunk.time_us.push_back(reading.time_us);
  chunk.received_ms.push_back(reading.received_ms);
  chunk.partition.push_back(reading.partition);
  chunk.offset.push_back(reading.offset);
  chunk.first_us = std::min(chunk.first_us, reading.time_us);
  chunk.last_us = std::max(chunk.last_us, reading.time_us);
  ++size_;
}

void ReadingStore::Forget(const std::vector<bool>& gone) {
  for (const auto& chunk : chunks_) {
    for (std::uint32_t& device : chunk->device) {
      if (device < gone.size() && gone[device]) device = kNobody;
    }
  }
}

void ReadingStore::Visit(std::uint32_t device, std::int64_t from_us, std::int64_t to_us,
                         const std::function<bool(const Reading&)>& visit) const {
  for (auto at = chunks_.rbegin(); at != chunks_.rend(); ++at) {
    const Chunk& chunk = **at;
    if (chunk.last_us < from_us || chunk.first_us >= to_us) continue;
    for (std::size_t row = chunk.device.size(); row-- > 0;) {
      if (chunk.device[row] != device) continue;
      if (chunk.time_us[row] < from_us || chunk.time_us[row] >= to_us) continue;
      const Reading reading{
          .time_us = chunk.time_us[row],
          .received_ms = chunk.received_ms[row],
          .partition = chunk.partition[row],
          .offset = chunk.offset[row],
          .values = std::span(chunk.values).subspan(row * metric_count_, metric_count_)};
      if (!visit(reading)) return;
    }
  }
}

}  // namespace tocsin
