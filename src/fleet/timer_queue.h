#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace tocsin {

// At most one due time for each device, in order of (due, device). Lazy: an entry that a later
// Schedule or Cancel made void is dropped when it is met, so both cost O(log n) at most.
//
// Threads: none but the owner's.
class TimerQueue {
 public:
  static constexpr std::int64_t kNever = INT64_MAX;

  // Sets the due time of a device; kNever = none.
  void Schedule(std::uint32_t device, std::int64_t due_us) {
    if (device >= due_.size()) due_.resize(device + 1, kNever);
    if (due_[device] == due_us) return;
    due_[device] = due_us;
    if (due_us == kNever) return;
    heap_.emplace_back(due_us, device);
    std::ranges::push_heap(heap_, std::greater{});
  }
  // The same unless it is due earlier already.
  void ScheduleBy(std::uint32_t device, std::int64_t due_us) {
    if (due_us < DueOf(device)) Schedule(device, due_us);
  }
  std::int64_t DueOf(std::uint32_t device) const {
    return device < due_.size() ? due_[device] : kNever;
  }

  // The earliest due time; kNever when there is none.
  std::int64_t NextDueUs() {
    while (!heap_.empty() && DueOf(heap_.front().second) != heap_.front().first) PopTop();
    return heap_.empty() ? kNever : heap_.front().first;
  }
  // Takes out the device that is due next; there must be one.
  std::uint32_t Pop() {
    NextDueUs();
    const std::uint32_t device = heap_.front().second;
    due_[device] = kNever;
    PopTop();
    return device;
  }
  void Clear() {
    heap_.clear();
    due_.clear();
  }

 private:
  void PopTop() {
    std::ranges::pop_heap(heap_, std::greater{});
    heap_.pop_back();
  }

  std::vector<std::pair<std::int64_t, std::uint32_t>> heap_;
  std::vector<std::int64_t> due_;  // by device
};

}  // namespace tocsin
