#include "log_backends/tail_cache.h"

#include <algorithm>

namespace tocsin {
namespace {

// What a batch costs beyond its payload: padding, the object, its places in the queues.
constexpr std::size_t kOverheadBytes = 256;

std::size_t CostOf(const RecordBatch& batch) {
  return batch.payload_bytes() + kOverheadBytes;
}

}  // namespace

void TailCache::Add(std::size_t slot, std::shared_ptr<const RecordBatch> batch) {
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  bytes_ += CostOf(*batch);
  slots_[slot].push_back(std::move(batch));
  order_.push_back(slot);
  while (bytes_ > capacity_bytes_) {
    Batches& oldest = slots_[order_.front()];
    bytes_ -= CostOf(*oldest.front());
    oldest.pop_front();
    order_.pop_front();
  }
}

std::vector<std::shared_ptr<const RecordBatch>> TailCache::Find(std::size_t slot,
                                                                std::int64_t offset,
                                                                std::size_t max_bytes) const {
  std::vector<std::shared_ptr<const RecordBatch>> found;
  if (slot >= slots_.size()) return found;
  const Batches& batches = slots_[slot];
  if (batches.empty() || offset < batches.front()->base_offset()) return found;
  auto at = std::upper_bound(
      batches.begin(), batches.end(), offset,
      [](std::int64_t wanted, const auto& batch) { return wanted < batch->end_offset(); });
  for (std::size_t bytes = 0; at != batches.end() && (found.empty() || bytes < max_bytes); ++at) {
    bytes += (*at)->payload_bytes();
    found.push_back(*at);
  }
  return found;
}

}  // namespace tocsin
