#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "log/log.h"

namespace tocsin {

// Gathers what a stage produces between two commits. Reused: the runner empties it with each
// commit.
class Collector {
 public:
  // The open batch of that topic and partition, never full. The reference is valid until the next
  // call of Output.
  RecordBatchBuilder& Output(std::string_view topic, std::int32_t partition);

  // As in Transaction; nothing of `key` and `value` is kept.
  void PutState(std::int32_t partition, std::string_view key, std::string_view value);
  void ReplaceState(std::int32_t partition) { replaced_.insert(partition); }

  // True when the runner asks for the whole state of the partition with this commit.
  bool wants_snapshot(std::int32_t partition) const { return snapshots_.contains(partition); }
  void RequestSnapshot(std::int32_t partition) { snapshots_.insert(partition); }

  // Payload of the outputs and of the state.
  std::size_t bytes() const;

  // Drops everything.
  void Clear();
  // Moves everything into `transaction`, the state under `store`; nothing is left here.
  Status MoveInto(Transaction& transaction, std::string_view store);

 private:
  struct OutputSlot {
    TopicPartition partition;
    std::vector<RecordBatchBuilder> batches;  // in order; those from `used` on are spare
    std::size_t used = 0;
  };
  struct StatePut {
    std::int32_t partition;
    std::uint32_t key_size, value_size;
    std::size_t at;  // in state_bytes_: the key, then the value
  };
  OutputSlot& SlotOf(std::string_view topic, std::int32_t partition);

  std::vector<OutputSlot> outputs_;  // few: searched from front to back
  std::vector<StatePut> puts_;
  std::string state_bytes_;
  std::set<std::int32_t> replaced_;
  std::set<std::int32_t> snapshots_;
};

}  // namespace tocsin
