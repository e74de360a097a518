#pragma once

#include <cstdint>
#include <vector>

#include "functions/function.h"
#include "functions/paged_array.h"
#include "functions/restored_windows.h"
#include "functions/sorted_window.h"
#include "functions/window_slot.h"

namespace tocsin {

// The state of spike(metric, k): the last readings in order of each device, by count.
class SpikeState final : public FunctionState {
 public:
  static constexpr std::uint32_t kReadings = 30;
  static constexpr std::uint32_t kFewest = 10;  // before the current one, for a value

  explicit SpikeState(const CallConstants& constants) : k_(constants.number) {}

  void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                ResultColumn result) override;
  ValueAt At(std::uint32_t, std::int64_t) const override { return {}; }
  std::int64_t NextChange(std::uint32_t, std::int64_t) const override { return kNever; }
  void Flush(bool everything, const Put& put) override;
  bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) override {
    return restored_.Add(0, device, part, value);
  }
  void Finish() override;
  std::size_t bytes() const override;

 private:
  struct Slot : WindowSlot {
    SortedWindow sorted;
  };
  void Queue(std::uint32_t device, Slot& slot);
  static void KeepNewest(Slot& slot);

  double k_;
  PagedArray<Slot> slots_;
  std::vector<std::uint32_t> changed_;
  RestoredWindows restored_;
  std::vector<RestoredWindows::Part> stale_;  // to delete at the next flush
};

}  // namespace tocsin
