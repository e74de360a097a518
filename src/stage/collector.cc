#include "stage/collector.h"

namespace tocsin {

Collector::OutputSlot& Collector::SlotOf(std::string_view topic, std::int32_t partition) {
  for (OutputSlot& slot : outputs_) {
    if (slot.partition.partition == partition && slot.partition.topic == topic) return slot;
  }
  outputs_.push_back({.partition = {std::string(topic), partition}, .batches = {}, .used = 0});
  return outputs_.back();
}

RecordBatchBuilder& Collector::Output(std::string_view topic, std::int32_t partition) {
  OutputSlot& slot = SlotOf(topic, partition);
  if (slot.used == 0 || slot.batches[slot.used - 1].full()) {
    if (slot.used == slot.batches.size()) slot.batches.emplace_back();
    ++slot.used;
  }
  return slot.batches[slot.used - 1];
}

void Collector::PutState(std::int32_t partition, std::string_view key, std::string_view value) {
  puts_.push_back({.partition = partition,
                   .key_size = static_cast<std::uint32_t>(key.size()),
                   .value_size = static_cast<std::uint32_t>(value.size()),
                   .at = state_bytes_.size()});
  state_bytes_.append(key).append(value);
}

std::size_t Collector::bytes() const {
  std::size_t sum = state_bytes_.size();
  for (const OutputSlot& slot : outputs_) {
    for (std::size_t i = 0; i < slot.used; ++i) sum += slot.batches[i].payload_bytes();
  }
  return sum;
}

void Collector::Clear() {
  for (OutputSlot& slot : outputs_) {
    for (std::size_t i = 0; i < slot.used; ++i) slot.batches[i].Clear();
    slot.used = 0;
  }
  puts_.clear();
  state_bytes_.clear();
  replaced_.clear();
  snapshots_.clear();
}

Status Collector::MoveInto(Transaction& transaction, std::string_view store) {
  for (OutputSlot& slot : outputs_) {
    for (std::size_t i = 0; i < slot.used; ++i) {
      TOCSIN_TRY(transaction.Append(slot.partition, slot.batches[i]));
    }
    slot.used = 0;
  }
  for (const std::int32_t partition : replaced_) transaction.ReplaceState(store, partition);
  const std::string_view bytes = state_bytes_;
  for (const StatePut& put : puts_) {
    transaction.PutState(store, put.partition, bytes.substr(put.at, put.key_size),
                         bytes.substr(put.at + put.key_size, put.value_size));
  }
  puts_.clear();
  state_bytes_.clear();
  replaced_.clear();
  snapshots_.clear();
  return {};
}

}  // namespace tocsin
