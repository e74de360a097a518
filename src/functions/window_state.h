#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "functions/function.h"
#include "functions/paged_array.h"
#include "functions/sample.h"
#include "functions/window_slot.h"

namespace tocsin {

// The state of a function over a sliding window of time. A device keeps the readings with time in
// (clock - window, clock], the clock being the largest event time seen; times lie within +-2^60 us.
// Those that left the window lately are kept hidden for another window, but at least a minute and
// at most ten: an event out of order gets its value from the kept readings in (t - window, t],
// which are all of them unless it comes later than that. At most kMaxReadings a device: beyond that
// the oldest go first.
//
// Kind says what the function makes of the readings:
//   struct Aggregate        what is kept besides the readings; default: of no reading
//   kBeforeCurrent          true: the value is of the readings before the current one and needs it
//   Inserted(aggregate, ring, at)   ring[at] was put in
//   Removing(aggregate, ring)       ring[0] is about to go; all readings of its time go with it
//   Value(aggregate, ring, end, x)  of ring[0, end), end > 0, x = the current value; NaN = null
//   Bytes(aggregate)                memory besides sizeof
// Value may use the aggregate as scratch but leaves it as it was.
template <class Kind>
class WindowState final : public FunctionState {
 public:
  static constexpr std::uint32_t kMaxReadings = (1u << 24) - 1;

  WindowState(const CallConstants& constants, std::uint32_t default_min_samples,
              std::uint32_t max_readings = kMaxReadings)
      : kind_(constants),
        window_us_(constants.window_us),
        lateness_us_(std::clamp<std::int64_t>(window_us_, 60'000'000, 600'000'000)),
        min_samples_(constants.min_samples == 0 ? default_min_samples : constants.min_samples),
        max_readings_(max_readings) {}

  void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                ResultColumn result) override {
    const std::size_t n = rows.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kSlotAhead < n) slots_.Prefetch(rows.device[i + kSlotAhead]);
      if (i + kRingAhead < n) PrefetchReadings(rows.device[i + kRingAhead]);
      double x = 0;
      const bool sample = SampleAt(argument, i, x);
      const double value = Step(rows.device[i], rows.time_us[i], sample || kCountsUnknown, x);
      result.null[i] = std::isnan(value) ? 1 : 0;
      result.number[i] = std::isnan(value) ? 0 : value;
    }
  }
  ValueAt At(std::uint32_t, std::int64_t) const override { return {}; }
  std::int64_t NextChange(std::uint32_t, std::int64_t) const override { return kNever; }

  void Flush(bool everything, const Put& put) override {
    if (everything) {
      slots_.ForEach(
          [&](std::uint32_t device, Slot& slot) { FlushWindow(device, slot, true, put); });
    } else {
      for (const std::uint32_t device : changed_) FlushWindow(device, slots_[device], false, put);
    }
    changed_.clear();
  }
  bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) override {
    return restored_.Add(device, part, value);
  }
  void Finish() override {
    std::vector<std::uint32_t> devices;
    restored_.Finish([&](std::uint32_t device) -> WindowSlot& {
      devices.push_back(device);
      return slots_[device];
    });
    for (const std::uint32_t device : devices) {
      Slot& slot = slots_[device];
      const ReadingRing readings = std::exchange(slot.ring, {});
      for (std::uint32_t i = 0; i < readings.size(); ++i) {
        slot.ring.PushBack(readings[i]);
        kind_.Inserted(slot.aggregate, slot.ring, i);
      }
      MoveWindow(slot);
      if (slot.dirty_from != WindowSlot::kClean) Queue(device, slot);
    }
  }
  std::size_t bytes() const override {
    std::size_t total = slots_.bytes() + changed_.capacity() * sizeof(changed_[0]);
    slots_.ForEach([&](std::uint32_t, const Slot& slot) {
      total += slot.ring.bytes() + kind_.Bytes(slot.aggregate);
    });
    return total;
  }

 private:
  using Aggregate = typename Kind::Aggregate;
  struct Slot : WindowSlot {
    Aggregate aggregate;
  };
  static constexpr std::size_t kSlotAhead = 16, kRingAhead = 8;
  static constexpr bool kCountsUnknown = requires { Kind::kCountsUnknown; };

  void PrefetchReadings(std::uint32_t device) const {
    const Slot* const slot = slots_.Find(device);
    if (slot == nullptr) return;
    slot->ring.Prefetch();
    if constexpr (requires { kind_.Prefetch(slot->aggregate); }) kind_.Prefetch(slot->aggregate);
  }

  void Queue(std::uint32_t device, Slot& slot) {
    if (std::exchange(slot.queued, true)) return;
    changed_.push_back(device);
  }

  // Hides what left the window and drops what nobody can ask for any more.
  void MoveWindow(Slot& slot) {
    HideUpTo(slot, slot.clock_us - window_us_);
    const std::int64_t last_us = slot.clock_us - window_us_ - lateness_us_;
    if (slot.ring.hidden() == 0 || slot.ring.kept(0).t_us > last_us) return;
    while (slot.ring.hidden() > 0 && slot.ring.kept(0).t_us <= last_us) slot.DropHidden();
    slot.ring.ShrinkWhenSparse();
  }

  void HideUpTo(Slot& slot, std::int64_t last_us) {
    while (!slot.ring.empty() && slot.ring.front().t_us <= last_us) {
      kind_.Removing(slot.aggregate, slot.ring);
      slot.ring.HideFront();
    }
  }

  void MakeRoom(Slot& slot) {
    if (slot.ring.kept_size() < max_readings_) return;
    if (slot.ring.hidden() == 0) HideUpTo(slot, slot.ring.front().t_us);
    const std::int64_t oldest_us = slot.ring.kept(0).t_us;
    while (slot.ring.hidden() > 0 && slot.ring.kept(0).t_us <= oldest_us) slot.DropHidden();
  }

  double ValueOf(Slot& slot, std::uint32_t end, double x) {
    if (end < min_samples_ || end == 0) return kNullNumber;
    return kind_.Value(slot.aggregate, slot.ring, end, x);
  }

  double Step(std::uint32_t device, std::int64_t t_us, bool sample, double x) {
    Slot& slot = slots_[device];
    if (t_us > slot.clock_us) {
      slot.clock_us = t_us;
      MoveWindow(slot);
      Queue(device, slot);
    } else if (t_us < slot.clock_us) {
      return StepOutOfOrder(device, slot, t_us, sample, x);
    }
    if (!sample) return Kind::kBeforeCurrent ? kNullNumber : ValueOf(slot, slot.ring.size(), x);
    MakeRoom(slot);
    const std::uint32_t at = slot.ring.size();
    double value = kNullNumber;
    if constexpr (Kind::kBeforeCurrent) value = ValueOf(slot, at, x);
    slot.Insert(at, {t_us, x});
    kind_.Inserted(slot.aggregate, slot.ring, at);
    Queue(device, slot);
    if constexpr (!Kind::kBeforeCurrent) value = ValueOf(slot, at + 1, x);
    return value;
  }

  // Costs a step for each reading of its window, and for each behind it.
  [[gnu::noinline]] double StepOutOfOrder(std::uint32_t device, Slot& slot, std::int64_t t_us,
                                          bool sample, double x) {
    Slot window;
    const std::uint32_t end = slot.ring.KeptUpperBound(t_us);
    std::uint32_t begin = end;
    while (begin > 0 && slot.ring.kept(begin - 1).t_us > t_us - window_us_) --begin;
    for (; begin < end; ++begin) Append(window, slot.ring.kept(begin));
    double value = kNullNumber;
    if constexpr (Kind::kBeforeCurrent) {
      if (sample) value = ValueOf(window, window.ring.size(), x);
    } else {
      if (sample) Append(window, {t_us, x});
      value = ValueOf(window, window.ring.size(), x);
    }
    if (sample && t_us > slot.clock_us - window_us_ - lateness_us_) {
      Keep(slot, {t_us, x});
      Queue(device, slot);
    }
    return value;
  }

  void Append(Slot& slot, const Reading& reading) {
    slot.ring.PushBack(reading);
    kind_.Inserted(slot.aggregate, slot.ring, slot.ring.size() - 1);
  }

  void Keep(Slot& slot, const Reading& reading) {
    MakeRoom(slot);
    if (reading.t_us <= slot.clock_us - window_us_) {
      slot.InsertHidden(slot.ring.KeptUpperBound(reading.t_us), reading);
      return;
    }
    const std::uint32_t at = slot.ring.UpperBound(reading.t_us);
    slot.Insert(at, reading);
    kind_.Inserted(slot.aggregate, slot.ring, at);
  }

  Kind kind_;
  const std::int64_t window_us_;
  const std::int64_t lateness_us_;  // by which an event may be out of order and see its window
  const std::uint32_t min_samples_;
  const std::uint32_t max_readings_;
  PagedArray<Slot> slots_;
  std::vector<std::uint32_t> changed_;
  RestoredWindows restored_;
};

}  // namespace tocsin
