#include "process/instance_table.h"

#include <utility>

namespace tocsin {
namespace {

constexpr std::size_t kFirstSlots = 16;

std::uint64_t Mix(std::uint32_t device, std::uint32_t rule) {
  std::uint64_t key = (std::uint64_t{device} << 32) | rule;
  key ^= key >> 32;
  key *= 0xd6e8feb86659fd93u;
  key ^= key >> 32;
  return key;
}

}  // namespace

std::size_t InstanceTable::Probe(std::uint32_t device, std::uint32_t rule) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = Mix(device, rule) & mask;
  while (slots_[slot] != kFree) {
    const Entry& entry = At(slots_[slot]);
    if (entry.device == device && entry.rule == rule) break;
    slot = (slot + 1) & mask;
  }
  return slot;
}

const AlertInstance* InstanceTable::Find(std::uint32_t device, std::uint32_t rule) const {
  if (size_ == 0) return nullptr;
  const std::uint32_t index = slots_[Probe(device, rule)];
  return index == kFree ? nullptr : &At(index).instance;
}

AlertInstance* InstanceTable::Find(std::uint32_t device, std::uint32_t rule) {
  return const_cast<AlertInstance*>(std::as_const(*this).Find(device, rule));
}

AlertInstance& InstanceTable::FindOrMake(std::uint32_t device, std::uint32_t rule) {
  if ((size_ + 1) * 3 > slots_.size() * 2) Grow();
  std::uint32_t& slot = slots_[Probe(device, rule)];
  if (slot != kFree) return At(slot).instance;
  if (free_.empty()) {
    if (used_ % kChunk == 0) chunks_.push_back(std::make_unique<Entry[]>(kChunk));
    slot = used_++;
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  ++size_;
  Entry& entry = At(slot);
  entry = {.device = device, .rule = rule, .instance = {}};
  return entry.instance;
}

void InstanceTable::Erase(std::uint32_t device, std::uint32_t rule) {
  if (size_ == 0) return;
  std::size_t hole = Probe(device, rule);
  if (slots_[hole] == kFree) return;
  free_.push_back(slots_[hole]);
  slots_[hole] = kFree;
  --size_;
  // Entries after the hole that would be looked for before it move up.
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = (hole + 1) & mask; slots_[at] != kFree; at = (at + 1) & mask) {
    const Entry& entry = At(slots_[at]);
    const std::size_t home = Mix(entry.device, entry.rule) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots_[hole] = std::exchange(slots_[at], kFree);
    hole = at;
  }
}

void InstanceTable::Grow() {
  const std::vector<std::uint32_t> old = std::exchange(
      slots_, std::vector<std::uint32_t>(slots_.empty() ? kFirstSlots : slots_.size() * 2, kFree));
  for (const std::uint32_t index : old) {
    if (index == kFree) continue;
    const Entry& entry = At(index);
    slots_[Probe(entry.device, entry.rule)] = index;
  }
}

std::size_t InstanceTable::bytes() const {
  return slots_.capacity() * sizeof(std::uint32_t) + chunks_.size() * kChunk * sizeof(Entry) +
         free_.capacity() * sizeof(std::uint32_t);
}

}  // namespace tocsin
