#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "functions/function.h"
#include "functions/paged_array.h"
#include "functions/sample.h"
#include "functions/state_bytes.h"

namespace tocsin {

// One event as a function sees it.
struct Event {
  std::int64_t t_us = 0;
  bool in_order = true;
  bool sample = false;  // x is there
  double x = 0;
};

// In a slot: no such time yet.
inline constexpr std::int64_t kNoTime = INT64_MIN;

// The value of a function at an event: of its own type, the other is not read.
struct CellValue {
  double number = kNullNumber;
  std::uint8_t truth = kUnknown;
};
inline CellValue TruthValue(bool truth) {
  return {kNullNumber, truth ? kTrue : kFalse};
}
inline CellValue NumberValue(double number) {
  return {number, kUnknown};
}

// The state of a function that remembers a few numbers of each device; written whole, as part 0.
//
// Kind says what the function does:
//   kType                      ValueType of the result
//   struct Slot                what it remembers; default: of a device that was never seen
//   Step(slot, event, value)   takes in the event; true when the slot changed
//   Encode(slot, out)          appends nothing when the slot is as of a device never seen
//   Decode(slot, reader)       false when the bytes make no sense
//   At(slot, t_us), NextChange(slot, t_us)   time-driven functions alone
template <class Kind>
class DeviceState final : public FunctionState {
 public:
  explicit DeviceState(const CallConstants& constants) : kind_(constants) {}

  void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                ResultColumn result) override {
    const std::size_t n = rows.size();
    for (std::size_t i = 0; i < n; ++i) {
      if (i + kAhead < n) slots_.Prefetch(rows.device[i + kAhead]);
      Event event{rows.time_us[i], rows.in_order[i] != 0, false, 0};
      event.sample = SampleAt(argument, i, event.x);
      Entry& entry = slots_[rows.device[i]];
      CellValue value;
      if (kind_.Step(entry.slot, event, value) && !std::exchange(entry.queued, true)) {
        changed_.push_back(rows.device[i]);
      }
      if constexpr (Kind::kType == ValueType::kTruth) {
        result.truth[i] = value.truth;
      } else {
        result.null[i] = std::isnan(value.number) ? 1 : 0;
        result.number[i] = std::isnan(value.number) ? 0 : value.number;
      }
    }
  }

  ValueAt At(std::uint32_t device, std::int64_t t_us) const override {
    ValueAt result;
    if constexpr (requires(typename Kind::Slot s) { kind_.At(s, t_us); }) {
      const Entry* const entry = slots_.Find(device);
      const CellValue value = entry == nullptr ? CellValue{} : kind_.At(entry->slot, t_us);
      result = {value.number, std::isnan(value.number), value.truth};
    }
    return result;
  }
  std::int64_t NextChange(std::uint32_t device, std::int64_t t_us) const override {
    if constexpr (requires(typename Kind::Slot s) { kind_.NextChange(s, t_us); }) {
      const Entry* const entry = slots_.Find(device);
      if (entry != nullptr) return kind_.NextChange(entry->slot, t_us);
    }
    return kNever;
  }

  void Flush(bool everything, const Put& put) override {
    std::string out;
    const auto flush = [&](std::uint32_t device, Entry& entry) {
      const bool queued = std::exchange(entry.queued, false);
      out.assign(1, kVersion);
      kind_.Encode(entry.slot, out);
      const bool none = out.size() == 1;
      if (!none || queued) put(device, 0, none ? std::string_view{} : out);
    };
    if (everything) {
      slots_.ForEach(flush);
    } else {
      for (const std::uint32_t device : changed_) flush(device, slots_[device]);
    }
    changed_.clear();
  }
  bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) override {
    if (part != 0 || value.size() < 2 || value[0] != kVersion) return false;
    StateReader reader(value.substr(1));
    typename Kind::Slot slot;
    if (!kind_.Decode(slot, reader) || !reader.Done()) return false;
    slots_[device].slot = std::move(slot);
    return true;
  }
  std::size_t bytes() const override {
    std::size_t total = slots_.bytes() + changed_.capacity() * sizeof(changed_[0]);
    if constexpr (requires(typename Kind::Slot s) { kind_.Bytes(s); }) {
      slots_.ForEach([&](std::uint32_t, const Entry& entry) { total += kind_.Bytes(entry.slot); });
    }
    return total;
  }

 private:
  static constexpr char kVersion = 1;
  static constexpr std::size_t kAhead = 12;
  struct Entry {
    typename Kind::Slot slot;
    bool queued = false;  // in changed_
  };

  Kind kind_;
  PagedArray<Entry> slots_;
  std::vector<std::uint32_t> changed_;
};

}  // namespace tocsin
