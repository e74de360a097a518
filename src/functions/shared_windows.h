#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "functions/function.h"
#include "functions/incomplete_slots.h"
#include "functions/restored_windows.h"
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

// The calls over windows of one argument.
struct WindowArgument {
  enum class Samples : std::uint8_t {
    kReadings,    // an event whose argument is null brings none
    kEveryEvent,  // a truth: 1 when true, else 0
  };
  Samples samples = Samples::kReadings;
  std::vector<WindowCall> calls;
};
// What the argument of a function brings.
WindowArgument::Samples SamplesOf(const FunctionSpec& spec);

// The state of all calls over windows of one argument, or of several that have a value at every
// event. The readings of a device are kept once, as rows of a time and the value of each argument,
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
// the ring, whatever the number of calls and arguments. Rows are worked off in blocks of different
// devices, a call for all rows of a block at a time, while the memory of the next ones is fetched.
// An event out of order costs a step for each reading of its window, and for each behind it.
//
// Keyed state is that of each argument by itself, so that rules may come and go. While an argument
// has a shorter history at a device than the others (its rule is new), the slot is incomplete: its
// events are worked off one at a time, and a reading out of order from before that history is none
// of its readings.
class SharedWindows final : public FunctionState {
 public:
  using Samples = WindowArgument::Samples;
  static constexpr std::uint32_t kMaxReadings = (1u << 24) - 1;

  // `arguments` at most ReadingRow::kMostArguments, each with a call. Of several, none may ever be
  // null (an event at which one is brings no row to any).
  explicit SharedWindows(std::vector<WindowArgument> arguments,
                         std::uint32_t max_readings = kMaxReadings);
  ~SharedWindows() override;

  // A column for each argument, and a result for each call, those of the first argument first.
  void EvaluateAll(const EventRows& rows, std::span<const ArgumentColumn> arguments,
                   std::span<const ResultColumn> results);
  void FlushAll(bool everything, const PutPart& put);
  bool RestorePart(std::uint32_t argument, std::uint32_t device, std::uint64_t part,
                   std::string_view value) {
    return restored_.Add(argument, device, part, value);
  }

  // As the state of one call.
  void Evaluate(const EventRows& rows, const ArgumentColumn& argument,
                ResultColumn result) override {
    EvaluateAll(rows, {&argument, 1}, {&result, 1});
  }
  ValueAt At(std::uint32_t, std::int64_t) const override { return {}; }
  std::int64_t NextChange(std::uint32_t, std::int64_t) const override { return kNever; }
  void Flush(bool everything, const Put& put) override;
  bool Restore(std::uint32_t device, std::uint64_t part, std::string_view value) override {
    return RestorePart(0, device, part, value);
  }
  void Finish() override;
  std::size_t bytes() const override;

 private:
  static constexpr std::size_t kBlock = NearColumn::kSize, kSlotAhead = 32, kReadingsAhead = 16;
  // Begins the slot of a device. Behind it lie the sizes of the windows, then the aggregates.
  struct Slot;
  struct Window {
    std::int64_t length_us = 0;
    std::int64_t kept_us = 0;             // a reading of that age is of no use to it
    std::vector<std::size_t> calls = {};  // by argument
    std::array<WindowMove, kBlock> moves = {};
  };
  struct Call {
    std::unique_ptr<WindowFunction> function;
    std::uint32_t argument = 0;
    bool wants_near = false;
    std::size_t offset = 0;  // of its aggregate
  };
  // An argument at the rows of a batch.
  struct Column {
    Samples samples = Samples::kReadings;
    std::vector<double> x;
  };
  struct Row {
    std::uint32_t index = 0;
    std::uint32_t device = 0;
    std::int64_t t_us = 0;
    bool sample = false;
  };

  static Slot& SlotAt(std::byte* bytes);
  static std::byte* BytesOf(Slot& slot);
  static std::uint32_t* SizesOf(Slot& slot);
  void Construct(std::byte* bytes) const;
  void Destroy(std::byte* bytes) const;
  void PrefetchReadings(std::uint32_t device) const;
  void Queue(std::uint32_t device, Slot& slot);

  void TakeColumns(std::size_t rows, std::span<const ArgumentColumn> arguments);
  ReadingRow RowAt(const Row& row) const;
  void AddToBlock(const Row& row, Slot& slot);
  void RunBlock(std::span<const ResultColumn> results);
  void RunIncomplete(std::span<const ResultColumn> results);
  NearMoves NearOf(const Window& window, std::uint32_t argument);
  void DropExpiredChunks(Slot& slot) const;
  void DropExpired(Slot& slot) const;
  void SetDropTime(Slot& slot) const;
  [[gnu::noinline]] void TakeFull(const Row& row, Slot& slot,
                                  std::span<const ResultColumn> results);
  void MakeRoom(std::uint32_t row, Slot& slot, std::span<const ResultColumn> results);
  [[gnu::noinline]] void TakeLate(const Row& row, Slot& slot,
                                  std::span<const ResultColumn> results);
  void Keep(Slot& slot, const ReadingRow& reading);
  void Refill(Slot& slot, std::size_t window) const;

  std::vector<Column> columns_;       // by argument
  std::vector<std::uint8_t> sample_;  // by row of the batch: every argument has a value
  const std::uint32_t max_readings_;
  std::vector<Window> windows_;  // the longest first
  std::vector<Call> calls_;
  std::vector<std::size_t> prefetching_;  // calls
  std::optional<SlotPages> slots_;
  std::vector<std::uint32_t> changed_;
  RestoredWindows restored_;
  IncompleteSlots incomplete_;
  std::vector<RestoredWindows::Part> stale_;  // to delete at the next flush
  std::uint32_t block_ = 1;                   // number of the block that is being filled
  std::uint32_t in_block_ = 0;                // rows in it; one, where its slot is incomplete
  // Of the block that runs.
  std::vector<NearColumn> entered_;  // by argument
  std::uint64_t has_entered_ = 0;    // bit of an argument: its column is made
  NearColumn left_;                  // of one window and argument
  ReadingRing late_;                 // a window that is worked out by itself
};

}  // namespace tocsin
