#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct LagKind {
  static constexpr ValueType kType = ValueType::kNumber;
  struct Slot {
    double last = kNullNumber;
  };
  explicit LagKind(const CallConstants&) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order) return false;
    value = NumberValue(slot.last);
    if (!event.sample || event.x == slot.last) return false;
    slot.last = event.x;
    return true;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (!std::isnan(slot.last)) PutValue(out, slot.last);
  }
  bool Decode(Slot& slot, StateReader& reader) const { return reader.Value(slot.last); }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<LagKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
};

}  // namespace

constinit const FunctionSpec lag = {
    .name = "lag",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .summary = "The previous reading of the device.",
    .details =
        "The reading of the last event in order that had one, before this event; null before "
        "there is one. An event out of order does not count, and the value there is null.",
    .example = "temperature - lag(temperature) > 5",
    .make = Make,
};

}  // namespace tocsin::function_spec
