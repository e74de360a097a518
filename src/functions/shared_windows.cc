#include "functions/shared_windows.h"

#include <algorithm>
#include <utility>

#include "functions/sample.h"

namespace tocsin {

struct SharedWindows::Slot : WindowSlot {
  using WindowSlot::WindowSlot;
  std::int64_t drop_at_us = kNever;  // the clock at which the oldest chunk has expired
  std::uint32_t block = 0;           // number of the block that has a row of this device
  std::uint32_t sizes[1] = {};       // of the windows; those of the others lie behind
};

namespace {

constexpr std::int64_t kLeastLateness = 60'000'000, kMostLateness = 600'000'000;

std::size_t RoundedUp(std::size_t bytes) {
  return (bytes + WindowFunction::kAlignment - 1) / WindowFunction::kAlignment *
         WindowFunction::kAlignment;
}

}  // namespace

WindowCall MakeWindowCall(const FunctionSpec& spec, const CallConstants& constants) {
  CallConstants complete = constants;
  if (complete.min_samples == 0) complete.min_samples = spec.min_samples;
  return {spec.window(complete), complete.window_us};
}

WindowArgument::Samples SamplesOf(const FunctionSpec& spec) {
  return spec.parameters[0].kind == ParameterKind::kTruth ? WindowArgument::Samples::kEveryEvent
                                                          : WindowArgument::Samples::kReadings;
}

SharedWindows::SharedWindows(std::vector<WindowArgument> arguments, std::uint32_t max_readings)
    : max_readings_(max_readings),
      restored_(static_cast<std::uint32_t>(arguments.size())),
      entered_(arguments.size()),
      late_(static_cast<std::uint32_t>(arguments.size())) {
  for (const WindowArgument& argument : arguments) {
    columns_.push_back({.samples = argument.samples, .x = {}});
    for (const WindowCall& call : argument.calls) {
      const std::int64_t length_us = call.window_us;
      if (std::ranges::find(windows_, length_us, &Window::length_us) != windows_.end()) continue;
      windows_.push_back(
          {.length_us = length_us,
           .kept_us = length_us + std::clamp(length_us, kLeastLateness, kMostLateness)});
    }
  }
  std::ranges::sort(windows_, std::ranges::greater(), &Window::length_us);
  std::size_t end = sizeof(Slot) + (windows_.size() - 1) * sizeof(std::uint32_t);
  for (std::uint32_t a = 0; a < arguments.size(); ++a) {
    for (WindowCall& call : arguments[a].calls) {
      if (call.function->aggregate_size() > 0) end = RoundedUp(end);
      std::ranges::find(windows_, call.window_us, &Window::length_us)
          ->calls.push_back(calls_.size());
      if (call.function->prefetches()) prefetching_.push_back(calls_.size());
      const bool wants_near = call.function->wants_near();
      calls_.push_back({std::move(call.function), a, wants_near, end});
      end += calls_.back().function->aggregate_size();
    }
  }
  slots_.emplace(
      end, [this](std::byte* bytes) { Construct(bytes); },
      [this](std::byte* bytes) { Destroy(bytes); });
}

SharedWindows::~SharedWindows() = default;

// The inline ones are so because the library is position independent: a function that another
// library might replace is not put in line.

// --- Slots --------------------------------------------------------------------------------------

inline SharedWindows::Slot& SharedWindows::SlotAt(std::byte* bytes) {
  return *std::launder(reinterpret_cast<Slot*>(bytes));
}

inline std::byte* SharedWindows::BytesOf(Slot& slot) {
  return reinterpret_cast<std::byte*>(&slot);
}

inline std::uint32_t* SharedWindows::SizesOf(Slot& slot) {
  static_assert(sizeof(Slot) == 64);  // one line of the cache, up to the first size
  return slot.sizes;
}

void SharedWindows::Construct(std::byte* bytes) const {
  new (bytes) Slot(static_cast<std::uint32_t>(columns_.size()));
  for (std::size_t w = 1; w < windows_.size(); ++w) {
    new (bytes + sizeof(Slot) + (w - 1) * sizeof(std::uint32_t)) std::uint32_t{0};
  }
  for (const Call& call : calls_) call.function->Construct(bytes + call.offset);
}

void SharedWindows::Destroy(std::byte* bytes) const {
  for (const Call& call : calls_) call.function->Destroy(bytes + call.offset);
  std::destroy_at(&SlotAt(bytes));
}

inline void SharedWindows::Queue(std::uint32_t device, Slot& slot) {
  if (slot.queued) return;
  slot.queued = true;
  changed_.push_back(device);
}

inline void SharedWindows::PrefetchReadings(std::uint32_t device) const {
  std::byte* const bytes = slots_->Find(device);
  if (bytes == nullptr) return;
  Slot& slot = SlotAt(bytes);
  const std::uint32_t* const sizes = SizesOf(slot);
  slot.ring.PrefetchBack();
  const std::size_t window_count = windows_.size();
  for (std::size_t w = 0; w < window_count; ++w) slot.ring.PrefetchNewest(sizes[w]);
  for (const std::size_t call : prefetching_) {
    calls_[call].function->Prefetch(bytes + calls_[call].offset);
  }
}

inline void SharedWindows::SetDropTime(Slot& slot) const {
  const std::uint32_t end = slot.EndOfChunk(0);
  slot.drop_at_us = end < slot.ring.size() ? slot.ring.TimeAt(end) + windows_[0].kept_us : kNever;
}

// --- Events in order ----------------------------------------------------------------------------

// Column by column, so that the loop over the rows finds plain numbers.
void SharedWindows::TakeColumns(std::size_t rows, std::span<const ArgumentColumn> arguments) {
  sample_.assign(rows, 1);
  for (std::size_t a = 0; a < arguments.size(); ++a) {
    Column& column = columns_[a];
    column.x.resize(rows);
    if (ReadSamples(arguments[a], column.x) || column.samples == Samples::kEveryEvent) continue;
    for (std::size_t i = 0; i < rows; ++i) {
      double x = 0;
      if (!SampleAt(arguments[a], i, x)) sample_[i] = 0;
    }
  }
}

ReadingRow SharedWindows::RowAt(const Row& row) const {
  ReadingRow reading(row.t_us);
  for (std::uint32_t a = 0; a < columns_.size(); ++a) reading.Set(a, columns_[a].x[row.index]);
  return reading;
}

[[gnu::always_inline]] inline void SharedWindows::AddToBlock(const Row& row, Slot& slot) {
  const bool moves = row.t_us > slot.clock_us;
  if (moves || row.sample) Queue(row.device, slot);
  if (moves) {
    slot.clock_us = row.t_us;
    if (row.t_us >= slot.drop_at_us) DropExpiredChunks(slot);
  }
  RowWord* entered = nullptr;
  if (row.sample) {
    entered = slot.Extend();
    entered[0] = std::bit_cast<RowWord>(row.t_us);
    RowWord* value = entered;
    for (const Column& column : columns_) *++value = std::bit_cast<RowWord>(column.x[row.index]);
    if (slot.ring.size() - 1 == slot.EndOfChunk(0)) SetDropTime(slot);
  }
  const std::uint32_t entering = row.sample ? 1 : 0;
  const std::uint32_t end = slot.ring.size() - entering;
  std::uint32_t* size_at = SizesOf(slot);
  for (Window& window : windows_) {
    const std::uint32_t size = *size_at;
    WindowMove& move = window.moves[in_block_];
    move.slot = &slot;
    move.oldest = slot.ring.Row(end - size);
    move.entered = entered;
    move.size = size;
    move.leaving = 0;
    move.row = row.index;
    const std::int64_t last_us = row.t_us - window.length_us;
    if (moves && size > 0 && ReadingOf(move.oldest, 0).t_us <= last_us) {
      std::uint32_t leaving = 1;
      while (leaving < size && slot.ring.TimeAt(end - size + leaving) <= last_us) ++leaving;
      move.leaving = leaving;
    }
    *size_at++ = move.size_after();
  }
  slot.block = block_;
  ++in_block_;
}

void SharedWindows::EvaluateAll(const EventRows& rows, std::span<const ArgumentColumn> arguments,
                                std::span<const ResultColumn> results) {
  TakeColumns(rows.size(), arguments);
  const auto n = static_cast<std::uint32_t>(rows.size());
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i + kSlotAhead < n) slots_->Prefetch(rows.device[i + kSlotAhead]);
    if (i + kReadingsAhead < n) PrefetchReadings(rows.device[i + kReadingsAhead]);
    const Row row{i, rows.device[i], rows.time_us[i], sample_[i] != 0};
    Slot& slot = SlotAt((*slots_)[row.device]);
    const bool late = row.t_us < slot.clock_us;
    const bool full = row.sample && slot.ring.size() >= max_readings_;
    const bool alone = late || full || slot.incomplete;
    if (in_block_ == kBlock || slot.block == block_ || alone) RunBlock(results);
    if (late) {
      TakeLate(row, slot, results);
      continue;
    }
    if (full) TakeFull(row, slot, results);
    AddToBlock(row, slot);
    if (slot.incomplete) RunBlock(results);
  }
  RunBlock(results);
}

void SharedWindows::RunBlock(std::span<const ResultColumn> results) {
  if (in_block_ == 0) return;
  if (windows_[0].moves[0].slot->incomplete) return RunIncomplete(results);
  has_entered_ = 0;
  for (const Window& window : windows_) {
    std::optional<NearMoves> near;
    std::uint32_t near_argument = 0;
    for (const std::size_t index : window.calls) {
      const Call& call = calls_[index];
      if (call.wants_near && (!near || near_argument != call.argument)) {
        near.emplace(NearOf(window, call.argument));
        near_argument = call.argument;
      }
      call.function->Move(std::span(window.moves).first(in_block_),
                          call.wants_near ? &*near : nullptr, call.argument, call.offset,
                          results[index]);
    }
  }
  in_block_ = 0;
  if (++block_ == 0) block_ = 1;  // 0 is of slots that never were in one
}

// Valid until it is asked for another window or argument.
NearMoves SharedWindows::NearOf(const Window& window, std::uint32_t argument) {
  std::array<double, kBlock> x;
  const auto column = [&](auto value_of) -> const std::array<double, kBlock>& {
    for (std::size_t i = 0; i < kBlock; ++i) x[i] = i < in_block_ ? value_of(window.moves[i]) : 0;
    return x;
  };
  if ((has_entered_ >> argument & 1) == 0) {
    entered_[argument].Set(column([&](const WindowMove& move) {
      return move.entered != nullptr ? ReadingOf(move.entered, argument).x : 0;
    }));
    has_entered_ |= std::uint64_t{1} << argument;
  }
  left_.Set(column([&](const WindowMove& move) {
    return move.leaving > 0 ? ReadingOf(move.oldest, argument).x : 0;
  }));
  return {.entered = entered_[argument], .left = left_};
}

// The one row of a slot that is incomplete: each argument has windows of its own.
void SharedWindows::RunIncomplete(std::span<const ResultColumn> results) {
  Slot& slot = static_cast<Slot&>(*windows_[0].moves[0].slot);
  const std::span<const std::uint64_t> begins = incomplete_.BeginsOf(slot);
  for (const Window& window : windows_) {
    for (const std::size_t index : window.calls) {
      const Call& call = calls_[index];
      WindowMove move = window.moves[0];
      const std::uint64_t number = slot.end_number() - move.entering() - move.size;
      const std::uint32_t missing = RowsBefore(begins[call.argument], number, move.size);
      move.size -= missing;
      move.leaving -= std::min(move.leaving, missing);
      move.oldest = slot.ring.Row(slot.ring.size() - move.entering() - move.size);
      call.function->Move({&move, 1}, nullptr, call.argument, call.offset, results[index]);
    }
  }
  in_block_ = 0;
  incomplete_.Update(slot);
}

// --- Readings that go ---------------------------------------------------------------------------

// Whole chunks only: one look for eight readings. What a window of the block still holds stays.
void SharedWindows::DropExpiredChunks(Slot& slot) const {
  const std::int64_t last_us = slot.clock_us - windows_[0].kept_us;
  const std::uint32_t outside = slot.ring.size() - SizesOf(slot)[0];
  std::uint32_t expired = 0;
  for (std::uint32_t end = slot.EndOfChunk(0); end < outside && slot.ring.TimeAt(end) <= last_us;
       end = slot.EndOfChunk(expired)) {
    expired = end + 1;
  }
  if (expired > 0) {
    slot.DropFront(expired);
    slot.ring.ShrinkWhenSparse();
  }
  SetDropTime(slot);
}

void SharedWindows::DropExpired(Slot& slot) const {
  const std::uint32_t expired = slot.ring.UpperBound(slot.clock_us - windows_[0].kept_us);
  if (expired == 0) return;
  slot.DropFront(expired);
  slot.ring.ShrinkWhenSparse();
  SetDropTime(slot);
}

// The windows move on first, so that what has expired makes room.
void SharedWindows::TakeFull(const Row& row, Slot& slot, std::span<const ResultColumn> results) {
  AddToBlock({row.index, row.device, row.t_us, false}, slot);
  RunBlock(results);
  MakeRoom(row.index, slot, results);
}

// Between blocks. Writes values at the row, which are not yet those of its event.
void SharedWindows::MakeRoom(std::uint32_t row, Slot& slot, std::span<const ResultColumn> results) {
  if (slot.ring.size() < max_readings_) return;
  DropExpired(slot);
  if (slot.ring.size() < max_readings_) return;
  const std::uint32_t oldest = slot.ring.UpperBound(slot.ring.TimeAt(0));
  for (std::size_t w = 0; w < windows_.size(); ++w) {
    std::uint32_t& size = SizesOf(slot)[w];
    const std::uint32_t outside = slot.ring.size() - size;
    const std::uint32_t leaving = oldest - std::min(oldest, outside);
    windows_[w].moves[0] = {.slot = &slot,
                            .oldest = slot.ring.Row(outside),
                            .entered = nullptr,
                            .size = size,
                            .leaving = leaving,
                            .row = row};
    size -= leaving;
  }
  in_block_ = 1;
  RunBlock(results);
  slot.DropFront(oldest);
  SetDropTime(slot);
}

// --- Events out of order ------------------------------------------------------------------------

void SharedWindows::TakeLate(const Row& row, Slot& slot, std::span<const ResultColumn> results) {
  const ReadingRow reading = RowAt(row);
  const std::int64_t t_us = row.t_us;
  const bool kept = row.sample && t_us > slot.clock_us - windows_[0].kept_us;
  if (kept) MakeRoom(row.index, slot, results);
  for (const Window& window : windows_) {
    const std::int64_t before_us =
        std::max(t_us - window.length_us, slot.clock_us - window.kept_us);
    const std::uint32_t end = slot.ring.UpperBound(t_us);
    const std::uint32_t begin = std::min(end, slot.ring.UpperBound(before_us));
    late_.Clear();
    for (std::uint32_t i = begin; i < end; ++i) late_.PushBack(slot.ring.Row(i));
    late_.PushBack(reading);
    for (const std::size_t index : window.calls) {
      const Call& call = calls_[index];
      ReadingView readings = late_.Newest(end - begin, 1).Of(call.argument);
      readings.PopFront(
          incomplete_.Missing(slot, call.argument, slot.first_number + begin, end - begin));
      const double value = call.function->ValueOf(readings, row.sample);
      results[index].null[row.index] = std::isnan(value) ? 1 : 0;
      results[index].number[row.index] = std::isnan(value) ? 0 : value;
    }
  }
  if (!kept) return;
  Keep(slot, reading);
  Queue(row.device, slot);
}

void SharedWindows::Keep(Slot& slot, const ReadingRow& reading) {
  const std::uint32_t at = slot.ring.UpperBound(reading.t_us());
  const std::uint64_t number = slot.first_number + at;
  slot.Insert(at, reading);
  incomplete_.Inserted(slot, number);
  for (std::size_t w = 0; w < windows_.size(); ++w) {
    if (reading.t_us() <= slot.clock_us - windows_[w].length_us) continue;
    const std::uint32_t size = ++SizesOf(slot)[w];
    const std::uint64_t first = slot.end_number() - size;
    for (const std::size_t index : windows_[w].calls) {
      const Call& call = calls_[index];
      const std::uint32_t missing = incomplete_.Missing(slot, call.argument, first, size);
      if (number < first + missing) continue;
      ReadingView window = slot.ring.Newest(size).Of(call.argument);
      window.PopFront(missing);
      call.function->Inserted(BytesOf(slot) + call.offset, window,
                              static_cast<std::uint32_t>(number - first) - missing);
    }
  }
  SetDropTime(slot);
}

// --- Keyed state --------------------------------------------------------------------------------

void SharedWindows::FlushAll(bool everything, const PutPart& put) {
  for (const RestoredWindows::Part& part : stale_) put(part.argument, part.device, part.part, {});
  stale_ = {};
  if (everything) {
    slots_->ForEach([&](std::uint32_t device, std::byte* bytes) {
      Slot& slot = SlotAt(bytes);
      if (slot.clock_us != WindowSlot::kNoClock) DropExpired(slot);
      FlushWindow(device, slot, incomplete_.BeginsOf(slot), true, put);
    });
  } else {
    for (const std::uint32_t device : changed_) {
      Slot& slot = SlotAt((*slots_)[device]);
      // What was still in a window when the clock passed it by.
      if (slot.clock_us >= slot.drop_at_us) DropExpiredChunks(slot);
      FlushWindow(device, slot, incomplete_.BeginsOf(slot), false, put);
    }
  }
  changed_.clear();
}

void SharedWindows::Flush(bool everything, const Put& put) {
  FlushAll(everything, [&](std::uint32_t, std::uint32_t device, std::uint64_t part,
                           std::string_view value) { put(device, part, value); });
}

void SharedWindows::Finish() {
  std::vector<std::uint32_t> devices;
  RestoredWindows::Outcome outcome = restored_.Finish([&](std::uint32_t device) -> WindowSlot& {
    devices.push_back(device);
    return SlotAt((*slots_)[device]);
  });
  for (auto& [device, begins] : outcome.begins) {
    incomplete_.Add(SlotAt((*slots_)[device]), std::move(begins));
  }
  stale_ = std::move(outcome.stale);
  for (const std::uint32_t device : devices) {
    Slot& slot = SlotAt((*slots_)[device]);
    DropExpired(slot);
    SetDropTime(slot);
    for (std::size_t w = 0; w < windows_.size(); ++w) Refill(slot, w);
    if (slot.dirty_from != WindowSlot::kClean) Queue(device, slot);
  }
}

void SharedWindows::Refill(Slot& slot, std::size_t w) const {
  const ReadingRing& ring = slot.ring;
  const std::uint32_t size = ring.size() - ring.UpperBound(slot.clock_us - windows_[w].length_us);
  SizesOf(slot)[w] = size;
  for (const std::size_t index : windows_[w].calls) {
    const Call& call = calls_[index];
    const std::uint32_t missing =
        incomplete_.Missing(slot, call.argument, slot.end_number() - size, size);
    ReadingView window = ring.Newest(size).Of(call.argument).EmptyAt(missing);
    for (std::uint32_t i = 0; i < size - missing; ++i) {
      window.Grow();
      call.function->Inserted(BytesOf(slot) + call.offset, window, i);
    }
  }
}

std::size_t SharedWindows::bytes() const {
  std::size_t total = slots_->bytes() + changed_.capacity() * sizeof(changed_[0]) + late_.bytes();
  for (const Column& column : columns_) total += column.x.capacity() * sizeof(double);
  slots_->ForEach([&](std::uint32_t, std::byte* bytes) {
    total += SlotAt(bytes).ring.bytes();
    for (const Call& call : calls_) total += call.function->Bytes(bytes + call.offset);
  });
  return total;
}

}  // namespace tocsin
