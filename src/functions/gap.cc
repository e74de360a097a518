#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct GapKind {
  static constexpr ValueType kType = ValueType::kTruth;
  struct Slot {
    std::int64_t last_us = kNoTime;  // of the last event in order
  };
  explicit GapKind(const CallConstants& constants) : longer_than_us(constants.window_us) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order) return false;
    value = TruthValue(slot.last_us != kNoTime && event.t_us - slot.last_us > longer_than_us);
    if (event.t_us == slot.last_us) return false;
    slot.last_us = event.t_us;
    return true;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.last_us != kNoTime) PutTime(out, slot.last_us);
  }
  bool Decode(Slot& slot, StateReader& reader) const { return reader.Time(slot.last_us); }
  std::int64_t longer_than_us;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<GapKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "longer_than", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec gap = {
    .name = "gap",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .summary = "True at the first event after a silence longer than that.",
    .details =
        "True at an event whose predecessor, the largest event time before it, is more than "
        "longer_than older; false at the first event of a device. An event out of order does "
        "not count, and the value there is unknown.",
    .example = "gap(10m)",
    .make = Make,
};

}  // namespace tocsin::function_spec
