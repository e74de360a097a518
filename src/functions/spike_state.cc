#include "functions/spike_state.h"

#include <cmath>
#include <utility>

#include "functions/order_statistics.h"
#include "functions/sample.h"

namespace tocsin {

void SpikeState::Queue(std::uint32_t device, Slot& slot) {
  if (slot.queued) return;
  slot.queued = true;
  changed_.push_back(device);
}

void SpikeState::KeepNewest(Slot& slot) {
  while (slot.ring.size() > kReadings) {
    slot.sorted.Remove(slot.ring.front().x);
    slot.DropFront(1);
  }
}

void SpikeState::Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                          ResultColumn result) {
  constexpr std::size_t kSlotAhead = 16, kReadingsAhead = 8;
  const std::size_t n = rows.size();
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kSlotAhead < n) slots_.Prefetch(rows.device[i + kSlotAhead]);
    if (i + kReadingsAhead < n) {
      if (const Slot* const ahead = slots_.Find(rows.device[i + kReadingsAhead])) {
        ahead->ring.PrefetchBack();
        ahead->ring.PrefetchNewest(ahead->ring.size());
        ahead->sorted.Prefetch();
      }
    }
    result.truth[i] = kUnknown;
    double x = 0;
    if (rows.in_order[i] == 0 || !SampleAt(argument, i, x)) continue;
    Slot& slot = slots_[rows.device[i]];
    if (slot.sorted.size() >= kFewest) {
      const double score = RobustScore(slot.sorted, slot.sorted.size(), x);
      if (!std::isnan(score)) result.truth[i] = std::fabs(score) > k_ ? kTrue : kFalse;
    }
    slot.clock_us = std::max(slot.clock_us, rows.time_us[i]);
    WriteRow({slot.clock_us, x}, slot.Extend());
    slot.sorted.Add(x);
    KeepNewest(slot);
    Queue(rows.device[i], slot);
  }
}

void SpikeState::Flush(bool everything, const Put& put) {
  const PutPart put_part = [&](std::uint32_t, std::uint32_t device, std::uint64_t part,
                               std::string_view value) { put(device, part, value); };
  for (const RestoredWindows::Part& part : stale_) put(part.device, part.part, {});
  stale_ = {};
  if (everything) {
    slots_.ForEach(
        [&](std::uint32_t device, Slot& slot) { FlushWindow(device, slot, {}, true, put_part); });
  } else {
    for (const std::uint32_t device : changed_) {
      FlushWindow(device, slots_[device], {}, false, put_part);
    }
  }
  changed_.clear();
}

void SpikeState::Finish() {
  std::vector<std::uint32_t> devices;
  stale_ = restored_
               .Finish([&](std::uint32_t device) -> WindowSlot& {
                 devices.push_back(device);
                 return slots_[device];
               })
               .stale;
  for (const std::uint32_t device : devices) {
    Slot& slot = slots_[device];
    for (std::uint32_t i = 0; i < slot.ring.size(); ++i) slot.sorted.Add(slot.ring[i].x);
    KeepNewest(slot);
    if (slot.dirty_from != WindowSlot::kClean) Queue(device, slot);
  }
}

std::size_t SpikeState::bytes() const {
  std::size_t total = slots_.bytes() + changed_.capacity() * sizeof(changed_[0]);
  slots_.ForEach(
      [&](std::uint32_t, const Slot& slot) { total += slot.ring.bytes() + slot.sorted.bytes(); });
  return total;
}

}  // namespace tocsin
