#include "functions/shared_windows.h"

#include <algorithm>
#include <utility>

#include "functions/sample.h"

namespace tocsin {

struct SharedWindows::Slot : WindowSlot {
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

SharedWindows::Samples SamplesOf(const FunctionSpec& spec) {
  return spec.parameters[0].kind == ParameterKind::kTruth ? SharedWindows::Samples::kEveryEvent
                                                          : SharedWindows::Samples::kReadings;
}

SharedWindows::SharedWindows(Samples samples, std::vector<WindowCall> calls,
                             std::uint32_t max_readings)
    : samples_(samples), max_readings_(max_readings) {
  for (const WindowCall& call : calls) {
    const std::int64_t length_us = call.window_us;
    if (std::ranges::find(windows_, length_us, &Window::length_us) != windows_.end()) continue;
    windows_.push_back(
        {.length_us = length_us,
         .kept_us = length_us + std::clamp(length_us, kLeastLateness, kMostLateness)});
  }
  std::ranges::sort(windows_, std::ranges::greater(), &Window::length_us);
  std::size_t end = sizeof(Slot) + (windows_.size() - 1) * sizeof(std::uint32_t);
  for (WindowCall& call : calls) {
    if (call.function->aggregate_size() > 0) end = RoundedUp(end);
    std::ranges::find(windows_, call.window_us, &Window::length_us)->calls.push_back(calls_.size());
    if (call.function->prefetches()) prefetching_.push_back(calls_.size());
    calls_.push_back({std::move(call.function), end});
    end += calls_.back().function->aggregate_size();
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
  new (bytes) Slot();
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
  slot.drop_at_us = end < slot.ring.size() ? slot.ring[end].t_us + windows_[0].kept_us : kNever;
}

// --- Events in order ----------------------------------------------------------------------------

inline void SharedWindows::AddToBlock(const Row& row, Slot& slot, const Reading& reading) {
  std::uint32_t* const sizes = SizesOf(slot);
  const bool moves = reading.t_us > slot.clock_us;
  if (moves || row.sample) Queue(row.device, slot);
  if (moves) {
    slot.clock_us = reading.t_us;
    if (reading.t_us >= slot.drop_at_us) DropExpiredChunks(slot);
  }
  if (row.sample) {
    slot.PushBack(reading);
    if (slot.ring.size() - 1 == slot.EndOfChunk(0)) SetDropTime(slot);
  }
  const std::uint32_t entering = row.sample ? 1 : 0;
  std::uint32_t* size_at = sizes;
  for (Window& window : windows_) {
    const std::uint32_t size = *size_at;
    const ReadingView readings = slot.ring.Newest(size, entering);
    std::uint32_t leaving = 0;
    if (moves) {
      const std::int64_t last_us = reading.t_us - window.length_us;
      while (leaving < size && readings[leaving].t_us <= last_us) ++leaving;
    }
    WindowMove& move = window.moves[in_block_];
    move.slot = BytesOf(slot);
    move.window = readings;
    move.leaving = leaving;
    move.row = row.index;
    move.sample = row.sample;
    *size_at++ = size + entering - leaving;
  }
  slot.block = block_;
  ++in_block_;
}

void SharedWindows::EvaluateAll(const EventRows& rows, const ArgumentColumn& argument,
                                std::span<const ResultColumn> results) {
  const auto n = static_cast<std::uint32_t>(rows.size());
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i + kSlotAhead < n) slots_->Prefetch(rows.device[i + kSlotAhead]);
    if (i + kReadingsAhead < n) PrefetchReadings(rows.device[i + kReadingsAhead]);
    Reading reading{rows.time_us[i], 0};
    const bool sample = SampleAt(argument, i, reading.x) || samples_ == Samples::kEveryEvent;
    Slot& slot = SlotAt((*slots_)[rows.device[i]]);
    const bool late = reading.t_us < slot.clock_us;
    const bool full = sample && slot.ring.size() >= max_readings_;
    if (in_block_ == kBlock || slot.block == block_ || late || full) RunBlock(results);
    if (late) {
      TakeLate({i, rows.device[i], sample}, slot, reading, results);
      continue;
    }
    if (full) {
      AddToBlock({i, rows.device[i], false}, slot, reading);
      RunBlock(results);
      MakeRoom(i, slot, results);
    }
    AddToBlock({i, rows.device[i], sample}, slot, reading);
  }
  RunBlock(results);
}

void SharedWindows::RunBlock(std::span<const ResultColumn> results) {
  if (in_block_ == 0) return;
  for (const Window& window : windows_) {
    for (const std::size_t call : window.calls) {
      calls_[call].function->Move(std::span(window.moves).first(in_block_), calls_[call].offset,
                                  results[call]);
    }
  }
  in_block_ = 0;
  if (++block_ == 0) block_ = 1;  // 0 is of slots that never were in one
}

// --- Readings that go ---------------------------------------------------------------------------

// Whole chunks only: one look for eight readings. What a window of the block still holds stays.
void SharedWindows::DropExpiredChunks(Slot& slot) const {
  const std::int64_t last_us = slot.clock_us - windows_[0].kept_us;
  const std::uint32_t outside = slot.ring.size() - SizesOf(slot)[0];
  std::uint32_t expired = 0;
  for (std::uint32_t end = slot.EndOfChunk(0); end < outside && slot.ring[end].t_us <= last_us;
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

// Between blocks.
void SharedWindows::MakeRoom(std::uint32_t row, Slot& slot, std::span<const ResultColumn> results) {
  if (slot.ring.size() < max_readings_) return;
  DropExpired(slot);
  if (slot.ring.size() < max_readings_) return;
  const std::uint32_t oldest = slot.ring.UpperBound(slot.ring.front().t_us);
  for (std::size_t w = 0; w < windows_.size(); ++w) {
    std::uint32_t& size = SizesOf(slot)[w];
    const std::uint32_t outside = slot.ring.size() - size;
    const std::uint32_t leaving = oldest - std::min(oldest, outside);
    windows_[w].moves[0] = {.slot = BytesOf(slot),
                            .window = slot.ring.Newest(size),
                            .leaving = leaving,
                            .row = row,
                            .sample = false};
    size -= leaving;
  }
  in_block_ = 1;
  RunBlock(results);
  slot.DropFront(oldest);
  SetDropTime(slot);
}

// --- Events out of order ------------------------------------------------------------------------

void SharedWindows::TakeLate(const Row& row, Slot& slot, const Reading& reading,
                             std::span<const ResultColumn> results) {
  for (const Window& window : windows_) {
    const std::int64_t before_us =
        std::max(reading.t_us - window.length_us, slot.clock_us - window.kept_us);
    const std::uint32_t end = slot.ring.UpperBound(reading.t_us);
    const std::uint32_t begin = std::min(end, slot.ring.UpperBound(before_us));
    late_.Clear();
    for (std::uint32_t i = begin; i < end; ++i) late_.PushBack(slot.ring[i]);
    late_.PushBack(reading);
    for (const std::size_t call : window.calls) {
      const double value = calls_[call].function->ValueOf(late_.Newest(end - begin, 1), row.sample);
      results[call].null[row.index] = std::isnan(value) ? 1 : 0;
      results[call].number[row.index] = std::isnan(value) ? 0 : value;
    }
  }
  if (!row.sample || reading.t_us <= slot.clock_us - windows_[0].kept_us) return;
  MakeRoom(row.index, slot, results);
  Keep(slot, reading);
  Queue(row.device, slot);
}

void SharedWindows::Keep(Slot& slot, const Reading& reading) const {
  const std::uint32_t at = slot.ring.UpperBound(reading.t_us);
  slot.Insert(at, reading);
  for (std::size_t w = 0; w < windows_.size(); ++w) {
    if (reading.t_us <= slot.clock_us - windows_[w].length_us) continue;
    const std::uint32_t size = ++SizesOf(slot)[w];
    for (const std::size_t call : windows_[w].calls) {
      calls_[call].function->Inserted(BytesOf(slot) + calls_[call].offset, slot.ring.Newest(size),
                                      at - (slot.ring.size() - size));
    }
  }
  SetDropTime(slot);
}

// --- Keyed state --------------------------------------------------------------------------------

void SharedWindows::Flush(bool everything, const Put& put) {
  if (everything) {
    slots_->ForEach([&](std::uint32_t device, std::byte* bytes) {
      Slot& slot = SlotAt(bytes);
      if (slot.clock_us != WindowSlot::kNoClock) DropExpired(slot);
      FlushWindow(device, slot, true, put);
    });
  } else {
    for (const std::uint32_t device : changed_) {
      Slot& slot = SlotAt((*slots_)[device]);
      // What was still in a window when the clock passed it by.
      if (slot.clock_us >= slot.drop_at_us) DropExpiredChunks(slot);
      FlushWindow(device, slot, false, put);
    }
  }
  changed_.clear();
}

void SharedWindows::Finish() {
  std::vector<std::uint32_t> devices;
  restored_.Finish([&](std::uint32_t device) -> WindowSlot& {
    devices.push_back(device);
    return SlotAt((*slots_)[device]);
  });
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
  for (const std::size_t call : windows_[w].calls) {
    ReadingView window = ring.Newest(size).EmptyAt(0);
    for (std::uint32_t i = 0; i < size; ++i) {
      window.Grow();
      calls_[call].function->Inserted(BytesOf(slot) + calls_[call].offset, window, i);
    }
  }
}

std::size_t SharedWindows::bytes() const {
  std::size_t total = slots_->bytes() + changed_.capacity() * sizeof(changed_[0]) + late_.bytes();
  slots_->ForEach([&](std::uint32_t, std::byte* bytes) {
    total += SlotAt(bytes).ring.bytes();
    for (const Call& call : calls_) total += call.function->Bytes(bytes + call.offset);
  });
  return total;
}

}  // namespace tocsin
