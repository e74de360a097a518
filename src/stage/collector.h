#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"

namespace tocsin {

// Gathers what a stage produces between two commits. Reused: the runner empties it at each commit
// and the buffers stay.
class Collector {
 public:
  // The open batch of that topic and partition, never full. The reference is valid until the next
  // call of Output for the same topic and partition.
  RecordBatchBuilder& Output(std::string_view topic, std::int32_t partition);

  void PutState(std::int32_t partition, std::string_view key, std::string_view value);
  void ReplaceState(std::int32_t partition);

  // True when the runner asks for the whole state of the partition with this commit.
  bool wants_snapshot(std::int32_t partition) const { return snapshots_.contains(partition); }
  void RequestSnapshot(std::int32_t partition) { snapshots_.insert(partition); }

  // Moves everything into `transaction`, the state under `store`, and is empty again.
  Status MoveInto(Transaction& transaction, std::string_view store);

 private:
  struct OutputSlot {
    TopicPartition partition;
    std::vector<RecordBatchBuilder> batches;  // all but the last are full
    std::size_t used = 0;                     // batches with records
  };
  struct StatePut {
    std::int32_t partition;
    std::uint32_t key_at, key_size, value_at, value_size;  // into state_bytes_
  };
  std::vector<OutputSlot> outputs_;
  std::vector<StatePut> puts_;
  std::string state_bytes_;
  std::set<std::int32_t> replaced_;
  std::set<std::int32_t> snapshots_;
};

}  // namespace tocsin
