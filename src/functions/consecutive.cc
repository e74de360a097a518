#include "functions/device_state.h"
#include "functions/function_specs.h"

namespace tocsin::function_spec {
namespace {

struct ConsecutiveKind {
  static constexpr ValueType kType = ValueType::kTruth;
  struct Slot {
    std::uint64_t trues = 0;  // up to n: what lies beyond makes no difference
  };
  explicit ConsecutiveKind(const CallConstants& constants)
      : n(static_cast<std::uint64_t>(constants.number)) {}
  bool Step(Slot& slot, const Event& event, CellValue& value) const {
    if (!event.in_order) return false;
    const std::uint64_t before = slot.trues;
    const bool holds = event.sample && event.x != 0;
    slot.trues = holds ? std::min(n, before + 1) : 0;
    value = TruthValue(slot.trues >= n);
    return slot.trues != before;
  }
  void Encode(const Slot& slot, std::string& out) const {
    if (slot.trues > 0) PutVarint(out, slot.trues);
  }
  bool Decode(Slot& slot, StateReader& reader) const {
    return reader.Number(slot.trues) && slot.trues >= 1 && slot.trues <= n;
  }
  std::uint64_t n;
};

std::unique_ptr<FunctionState> Make(const CallConstants& constants) {
  return std::make_unique<DeviceState<ConsecutiveKind>>(constants);
}

constexpr Parameter kParameters[] = {
    {.name = "condition", .kind = ParameterKind::kTruth},
    {.name = "n", .kind = ParameterKind::kCount, .min = 1, .max = 1000000},
};

}  // namespace

constinit const FunctionSpec consecutive = {
    .name = "consecutive",
    .parameters = kParameters,
    .result = ValueType::kTruth,
    .summary = "True from the n-th consecutive event on at which the condition is true.",
    .details =
        "An event at which the condition is false or unknown starts the count anew and gives "
        "false. An event out of order does not count, and the value there is unknown.",
    .example = "consecutive(temperature > 30, 3)",
    .make = Make,
};

}  // namespace tocsin::function_spec
