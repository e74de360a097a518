#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "functions/function.h"
#include "functions/slot_pages.h"
#include "functions/window_function.h"
#include "functions/window_slot.h"

namespace tocsin {

// One call of a function over a window.
struct WindowCall {
  std::unique_ptr<WindowFunction> function;
  std::int64_t window_us = 0;
};
// `spec` must be windowed.
WindowCall MakeWindowCall(const FunctionSpec& spec, const CallConstants& constants);

// The state of all calls over windows of the same argument. The readings of a device are kept once,
// by the longest window; every window is a number of the newest of them, and what the calls keep
// besides lies next to these numbers.
//
// A window holds the readings with time in (clock - window, clock], the clock being the largest
// event time seen; times lie within +-2^60 us. Readings are kept for another window, but at least a
// minute and at most ten: an event out of order gets its value from the kept readings in
// (t - window, t], which are all of them unless it comes later than that. At most `max_readings` a
// device: beyond that the oldest go first.
//
// Cost: an event in order touches the slot of its device, the begin of each window and the end of
// the ring, whatever the number of calls. Rows are worked off in blocks of different devices, a
// call for all rows of a block at a time, while the memory of the next ones is fetched. An event
// out of order costs a step for each reading of its window, and for each behind it.
class SharedWindows final : public FunctionState {
 public:
  static constexpr std::uint32_t kMaxReadings = (1u << 24) - 1;
  enum class Samples : std::uint8_t {
    kReadings,    // an event whose argument is null brings none
    kEveryEvent,  // a truth: 1 when true, else 0
  };

  // `calls` is not empty.
  SharedWindows(Samples samples, std::vector<WindowCall> calls,
                std::uint32_t max_readings = kMaxReadings);
  ~SharedWindows() override;

  void EvaluateAll(const EventRows& rows, const ArgumentColumn& argument,
                   std::span<const ResultColumn> results) override;
  void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                ResultColumn result) override {
    EvaluateAll(rows, argument, {&result, 1});
  }
  ValueAt At(std::uint32_t, std::int64_t) const override { return {}; }
  std::int64_t NextChange(std::uint32_t, std::int64_t) const override { return kNever; }
  void Flush(bool everything, const Put& put) override;
  bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) override {
    return restored_.Add(device, part, value);
  }
  void Finish() override;
  std::size_t bytes() const override;

 private:
  static constexpr std::size_t kBlock = 16, kSlotAhead = 32, kReadingsAhead = 16;
  // Begins the slot of a device. Behind it lie the sizes of the windows, then the aggregates.
  struct Slot;
  struct Window {
    std::int64_t length_us = 0;
    std::int64_t kept_us = 0;  // a reading of that age is of no use to it
    std::vector<std::size_t> calls = {};
    std::array<WindowMove, kBlock> moves = {};
  };
  struct Call {
    std::unique_ptr<WindowFunction> function;
    std::size_t offset = 0;  // of its aggregate
  };
  struct Row {
    std::uint32_t index = 0;
    std::uint32_t device = 0;
    bool sample = false;
  };

  static Slot& SlotAt(std::byte* bytes);
  static std::byte* BytesOf(Slot& slot);
  static std::uint32_t* SizesOf(Slot& slot);
  void Construct(std::byte* bytes) const;
  void Destroy(std::byte* bytes) const;
  void PrefetchReadings(std::uint32_t device) const;
  void Queue(std::uint32_t device, Slot& slot);

  void AddToBlock(const Row& row, Slot& slot, const Reading& reading);
  void RunBlock(std::span<const ResultColumn> results);
  void DropExpiredChunks(Slot& slot) const;
  void DropExpired(Slot& slot) const;
  void SetDropTime(Slot& slot) const;
  void MakeRoom(std::uint32_t row, Slot& slot, std::span<const ResultColumn> results);
  [[gnu::noinline]] void TakeLate(const Row& row, Slot& slot, const Reading& reading,
                                  std::span<const ResultColumn> results);
  void Keep(Slot& slot, const Reading& reading) const;
  void Refill(Slot& slot, std::size_t window) const;

  const Samples samples_;
  const std::uint32_t max_readings_;
  std::vector<Window> windows_;  // the longest first
  std::vector<Call> calls_;
  std::vector<std::size_t> prefetching_;  // calls
  std::optional<SlotPages> slots_;
  std::vector<std::uint32_t> changed_;
  RestoredWindows restored_;
  std::uint32_t block_ = 1;     // number of the block that is being filled
  std::uint32_t in_block_ = 0;  // rows in it
  ReadingRing late_;            // a window that is worked out by itself
};

// What the argument of a function brings.
SharedWindows::Samples SamplesOf(const FunctionSpec& spec);

}  // namespace tocsin
