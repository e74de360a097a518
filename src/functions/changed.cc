#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct ChangedKind {
  static constexpr ValueType kType = ValueType::kTruth;
  struct Slot {
    double last = kNullNumber;
  };
  explicit ChangedKind(const CallConstants&) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order || !event.sample) return false;
    if (!std::isnan(slot.last)) value = TruthValue(event.x != slot.last);
    if (event.x == slot.last) return false;
    slot.last = event.x;
    return true;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (!std::isnan(slot.last)) PutValue(out, slot.last);
  }
  bool Decode(Slot& slot, StateReader& reader) const { return reader.Value(slot.last); }
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<ChangedKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
};

}  // namespace

constinit const FunctionSpec changed = {
    .name = "changed",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .summary = "True when the reading differs from the previous one.",
    .details =
        "Compares with lag(metric); unknown when either is null. An event out of order does "
        "not count, and the value there is unknown.",
    .example = "changed(temperature) and temperature > 30",
    .make = Make,
};

}  // namespace tocsin::function_spec
