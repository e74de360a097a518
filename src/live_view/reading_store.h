#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace tocsin {

// The newest readings of all devices as columns, in the order in which they came. When the memory
// is full the oldest make room.
//
// Memory: at most `max_bytes`, give or take one chunk. Threads: none but the owner's.
class ReadingStore {
 public:
  struct Reading {
    std::int64_t time_us = 0;  // event time
    std::int64_t received_ms = 0;
    std::int32_t partition = 0;  // place of the processed event in its topic
    std::int64_t offset = 0;
    std::span<const double> values{};  // one for each metric; NaN = absent
  };

  ReadingStore(std::size_t metric_count, std::size_t max_bytes);
  ~ReadingStore();

  void Add(std::uint32_t device, const Reading& reading);
  // Drops the readings of the devices for which `gone` is true; their codes may be used anew.
  void Forget(const std::vector<bool>& gone);
  // Readings of the device with a time in [from_us, to_us), newest arrival first, until `visit`
  // returns false.
  void Visit(std::uint32_t device, std::int64_t from_us, std::int64_t to_us,
             const std::function<bool(const Reading&)>& visit) const;

  std::size_t size() const { return size_; }  // those of forgotten devices included
  std::size_t bytes() const { return chunks_.size() * chunk_bytes_; }

 private:
  static constexpr std::size_t kChunkRows = 4096;
  static constexpr std::uint32_t kNobody = UINT32_MAX;
  struct Chunk;

  const std::size_t metric_count_;
  const std::size_t chunk_bytes_;
  const std::size_t max_chunks_;
  std::deque<std::unique_ptr<Chunk>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace tocsin
