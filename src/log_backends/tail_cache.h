#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "log/record_batch.h"

namespace tocsin {

// The newest batches of each partition, decoded, so that a reader right behind the writers never
// touches the store. One bound over all partitions; the oldest batch goes first.
//
// Not thread-safe: the log's mutex guards it. Slots are numbered by the log.
class TailCache {
 public:
  explicit TailCache(std::size_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Batches of a slot are added in order and without gaps.
  void Add(std::size_t slot, std::shared_ptr<const RecordBatch> batch);

  // Batches from the one that holds `offset` on, until `max_bytes` of payload are reached. Nothing
  // when the cache begins after `offset`.
  std::vector<std::shared_ptr<const RecordBatch>> Find(std::size_t slot, std::int64_t offset,
                                                       std::size_t max_bytes) const;

  std::size_t bytes() const { return bytes_; }

 private:
  using Batches = std::deque<std::shared_ptr<const RecordBatch>>;

  const std::size_t capacity_bytes_;
  std::size_t bytes_ = 0;
  std::vector<Batches> slots_;
  std::deque<std::size_t> order_;  // the slot of each cached batch, oldest first
};

}  // namespace tocsin
