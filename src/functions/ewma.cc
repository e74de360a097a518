#include <numbers>
#include "functions/function_specs.h"

#include "functions/device_state.h"

namespace tocsin::function_spec {
namespace {

struct EwmaKind {
  static constexpr ValueType kType = ValueType::kNumber;
  struct Slot {
    std::int64_t t_us = kNoTime;  // of the last reading
    double average = kNullNumber;
  };
  explicit EwmaKind(const CallConstants& constants)
      : per_us(-std::numbers::ln2 / static_cast<double>(constants.window_us)) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order) return false;
    bool moved = false;
    if (event.sample && (slot.t_us == kNoTime || event.t_us > slot.t_us)) {
      if (slot.t_us == kNoTime) {
        slot.average = event.x;
      } else {
        // 1 - 2^(-dt / half_life), without the cancellation of a small dt.
        const double a = -std::expm1(per_us * static_cast<double>(event.t_us - slot.t_us));
        slot.average += a * (event.x - slot.average);
      }
      slot.t_us = event.t_us;
      moved = true;
    }
    value = NumberValue(slot.average);
    return moved;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.t_us == kNoTime || !std::isfinite(slot.average)) return;
    PutTime(out, slot.t_us);
    PutValue(out, slot.average);
  }
  bool Decode(Slot& slot, StateReader& reader) const {
    return reader.Time(slot.t_us) && reader.Value(slot.average);
  }
  double per_us;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<EwmaKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "metric", .kind = ParameterKind::kMetric},
    {.name = "half_life", .kind = ParameterKind::kWindow},
};

}  // namespace

constinit const FunctionSpec ewma = {
    .name = "ewma",
    .parameters = kParameters,
    .unit = ResultUnit::kSame,
    .summary =
        "Average of the readings so far in which the weight of the past halves with every "
        "half_life.",
    .details =
        "s = x at the first reading; at a later one a = 1 - 2^(-(t - time of the reading "
        "before) / half_life) and s = s + a * (x - s). A second reading at the same time has "
        "a = 0 and leaves s as it is. An event without the metric sees s as it is. An event "
        "out of order does not count, and the value there is null.",
    .example = "ewma(temperature, 10m) > 30",
    .make = Make,
};

}  // namespace tocsin::function_spec
