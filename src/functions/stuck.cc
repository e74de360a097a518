#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct StuckKind {
  static constexpr ValueType kType = ValueType::kTruth;
  struct Slot {
    std::int64_t since_us = kNoTime;  // time of the first of the equal readings
    double x = 0;
  };
  explicit StuckKind(const CallConstants& constants) : for_at_least_us(constants.window_us) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order || !event.sample) return false;
    const bool starts = slot.since_us == kNoTime || event.x != slot.x;
    if (starts) slot = {event.t_us, event.x};
    value = TruthValue(event.t_us - slot.since_us >= for_at_least_us);
    return starts;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.since_us == kNoTime) return;
    PutTime(out, slot.since_us);
    PutValue(out, slot.x);
  }
  bool Decode(Slot& slot, StateReader& reader) const {
    return reader.Time(slot.since_us) && reader.Value(slot.x);
  }
  std::int64_t for_at_least_us;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<StuckKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "for_at_least", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec stuck = {
    .name = "stuck",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .summary = "True when every reading has been the same for at least that long.",
    .details =
        "True when t - time of the first reading of the run of equal readings >= "
        "for_at_least. Unknown at an event without the metric. An event out of order does not "
        "count, and the value there is unknown.",
    .example = "stuck(temperature, 30m)",
    .make = Make,
};

}  // namespace tocsin::function_spec
