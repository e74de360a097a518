#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "functions/device_state.h"

namespace tocsin {

// The state of the functions over tumbling windows. Fold takes in the readings of the open window:
//   Add(x), Value(), Clear(), Encode(out), Decode(reader), Bytes(); default: of no reading
template <class Fold>
class TumblingKind {
 public:
  static constexpr ValueType kType = ValueType::kNumber;
  struct Slot {
    std::int64_t clock_us = kNoTime;
    std::int64_t open_end_us = 0;          // of the window the clock is in
    std::uint64_t readings = 0;            // in it
    Fold fold;                             // of these
    std::int64_t closed_end_us = kNoTime;  // of the newest window that held a reading
    double closed = 0;                     // its value
  };

  explicit TumblingKind(const CallConstants& constants) : window_us_(constants.window_us) {}

  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    bool changed = false;
    if (slot.clock_us == kNoTime || event.t_us > slot.clock_us) {
      Advance(slot, event.t_us);
      changed = true;
    }
    if (event.sample && event.t_us >= slot.open_end_us - window_us_) {
      slot.fold.Add(event.x);
      ++slot.readings;
      changed = true;
    }
    if (slot.closed_end_us != kNoTime && slot.closed_end_us <= event.t_us) {
      value = NumberValue(slot.closed);
    }
    return changed;
  }
  CellValue At(const Slot& slot, std::int64_t t_us) const {
    if (slot.readings > 0 && t_us >= slot.open_end_us) return NumberValue(slot.fold.Value());
    return slot.closed_end_us == kNoTime ? CellValue{} : NumberValue(slot.closed);
  }
  std::int64_t NextChange(const Slot& slot, std::int64_t t_us) const {
    return slot.readings > 0 && t_us < slot.open_end_us ? slot.open_end_us : FunctionState::kNever;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.clock_us == kNoTime) return;
    PutTime(out, slot.clock_us);
    PutVarint(out, slot.readings);
    if (slot.readings > 0) slot.fold.Encode(out);
    PutVarint(out, slot.closed_end_us == kNoTime ? 0 : 1);
    if (slot.closed_end_us == kNoTime) return;
    PutTime(out, slot.closed_end_us);
    PutValue(out, slot.closed);
  }
  bool Decode(Slot& slot, StateReader& reader) const {
    std::uint64_t has_closed = 0;
    if (!reader.Time(slot.clock_us) || !reader.Number(slot.readings)) return false;
    if (slot.readings > 0 && !slot.fold.Decode(reader)) return false;
    if (!reader.Number(has_closed) || has_closed > 1) return false;
    slot.open_end_us = EndOf(slot.clock_us);
    if (has_closed == 0) return true;
    return reader.Time(slot.closed_end_us) && reader.Value(slot.closed);
  }
  std::size_t Bytes(const Slot& slot) const { return slot.fold.Bytes(); }

 private:
  std::int64_t EndOf(std::int64_t t_us) const {
    const std::int64_t into = t_us % window_us_;
    return t_us - (into < 0 ? into + window_us_ : into) + window_us_;
  }
  void Advance(Slot& slot, std::int64_t t_us) const {
    const bool first = slot.clock_us == kNoTime;
    slot.clock_us = t_us;
    if (!first && t_us < slot.open_end_us) return;
    if (slot.readings > 0) {
      slot.closed = slot.fold.Value();
      slot.closed_end_us = slot.open_end_us;
      slot.fold.Clear();
      slot.readings = 0;
    }
    slot.open_end_us = EndOf(t_us);
  }

  std::int64_t window_us_;
};

template <class Fold>
std::unique_ptr<FunctionState> MakeTumbling(const CallConstants& constants) {
  return std::make_unique<DeviceState<TumblingKind<Fold>>>(constants);
}

}  // namespace tocsin
