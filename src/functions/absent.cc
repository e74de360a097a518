#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct AbsentKind {
  static constexpr ValueType kType = ValueType::kTruth;
  struct Slot {
    std::int64_t last_us = kNoTime;  // of the last event in order
  };
  explicit AbsentKind(const CallConstants& constants) : after_us(constants.window_us) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    value = TruthValue(false);
    if (!event.in_order || event.t_us == slot.last_us) return false;
    slot.last_us = event.t_us;
    return true;
  }
  CellValue At(const Slot& slot, std::int64_t t_us) const {
    return slot.last_us == kNoTime ? CellValue{} : TruthValue(t_us >= slot.last_us + after_us);
  }
  std::int64_t NextChange(const Slot& slot, std::int64_t t_us) const {
    const bool due = slot.last_us != kNoTime && t_us < slot.last_us + after_us;
    return due ? slot.last_us + after_us : FunctionState::kNever;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.last_us != kNoTime) PutTime(out, slot.last_us);
  }
  bool Decode(Slot& slot, StateReader& reader) const { return reader.Time(slot.last_us); }
  std::int64_t after_us;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<AbsentKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "after", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec absent = {
    .name = "absent",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .time_driven = true,
    .summary = "True when the device has sent nothing for that long.",
    .details =
        "True at a time t without an event when t >= time of the last event in order + after; "
        "false at every event. Decided by the clock: becomes true though no event comes. "
        "Unknown for a device that was never seen.",
    .example = "absent(10m)",
    .make = Make,
};

}  // namespace tocsin::function_spec
