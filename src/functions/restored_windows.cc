#include "functions/restored_windows.h"

#include <algorithm>
#include <tuple>

#include "functions/state_bytes.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;
constexpr std::uint64_t kLargestPart = std::uint64_t{1} << 56;

}  // namespace

bool RestoredWindows::Add(std::uint32_t argument, std::uint32_t device, std::uint64_t part,
                          std::string_view value) {
  if (part > kLargestPart || value.empty() || value[0] != kVersion) return false;
  Chunk entry{device, argument, 0, 0, readings_.size(), 0};
  if (part == 0) {
    StateReader reader(value.substr(1));
    if (!reader.Time(entry.clock_us) || !reader.Done()) return false;
    chunks_.push_back(entry);
    return true;
  }
  if (value.size() < 2) return false;
  const auto shape = static_cast<unsigned char>(value[1]);
  const std::uint64_t place = shape / 16;
  entry.count = shape % 16;
  if (entry.count == 0 || place + entry.count > WindowSlot::kChunk) return false;
  entry.number = part * WindowSlot::kChunk + place;
  StateReader reader(value.substr(2));
  Reading chunk[WindowSlot::kChunk];
  if (!reader.Time(entry.clock_us) || !reader.Time(chunk[0].t_us)) return false;
  for (std::size_t i = 1; i < entry.count; ++i) {
    std::uint64_t difference = 0;
    if (!reader.Number(difference)) return false;
    if (difference > static_cast<std::uint64_t>(kLargestTime - chunk[i - 1].t_us)) return false;
    chunk[i].t_us = chunk[i - 1].t_us + static_cast<std::int64_t>(difference);
  }
  for (std::size_t i = 0; i < entry.count; ++i) {
    if (!reader.Value(chunk[i].x)) return false;
    chunk[i].x += 0.0;
  }
  if (!reader.Done() || chunk[entry.count - 1].t_us > entry.clock_us) return false;
  readings_.insert(readings_.end(), chunk, chunk + entry.count);
  chunks_.push_back(entry);
  return true;
}

std::int64_t RestoredWindows::History::last_us() const {
  return readings.empty() ? WindowSlot::kNoClock : readings.back().t_us;
}

RestoredWindows::History RestoredWindows::HistoryOf(std::span<const Chunk> chunks) const {
  History history;
  for (const Chunk& chunk : chunks) {
    if (chunk.number == 0) continue;
    if (history.readings.empty()) {
      history.first_number = chunk.number;
    } else {
      history.fits = history.fits && chunk.number == history.end_number;
    }
    history.end_number = chunk.number + chunk.count;
    const auto first = readings_.begin() + static_cast<std::ptrdiff_t>(chunk.first);
    history.readings.insert(history.readings.end(), first,
                            first + static_cast<std::ptrdiff_t>(chunk.count));
  }
  if (!std::ranges::is_sorted(history.readings, {}, &Reading::t_us)) {
    history.fits = false;
    std::ranges::stable_sort(history.readings, {}, &Reading::t_us);
  }
  return history;
}

void RestoredWindows::FillSlot(std::span<const Chunk> chunks, WindowSlot& slot,
                               Outcome& outcome) const {
  std::vector<History> histories;
  for (std::uint32_t argument = 0; argument < arguments_; ++argument) {
    const auto own = std::ranges::equal_range(chunks, argument, {}, &Chunk::argument);
    histories.push_back(HistoryOf(own));
  }
  std::uint64_t end_number = 0;
  for (const Chunk& chunk : chunks) {
    slot.clock_us = std::max(slot.clock_us, chunk.clock_us);
    if (chunk.number == 0) slot.clock_part = true;
    end_number = std::max(end_number, chunk.number + chunk.count);
  }
  // The argument that reaches furthest gives the times of the rows.
  const History& rows = *std::ranges::max_element(histories, {}, [](const History& history) {
    return std::tuple(history.last_us(), history.readings.size());
  });
  const std::size_t size = rows.readings.size();
  bool fits = true, complete = true;
  for (History& history : histories) {
    const std::size_t own = history.readings.size();
    while (history.shared < std::min(own, size) &&
           history.readings[own - 1 - history.shared].t_us ==
               rows.readings[size - 1 - history.shared].t_us) {
      ++history.shared;
    }
    fits = fits && history.fits && history.shared == own &&
           (own == 0 || history.end_number == rows.end_number);
    complete = complete && history.shared == size;
  }
  slot.first_number = rows.first_number;
  if (!fits) {
    slot.first_number = (end_number / WindowSlot::kChunk + 1) * WindowSlot::kChunk;
    slot.dirty_from = 0;
    for (const Chunk& chunk : chunks) {
      if (chunk.number == 0) continue;
      outcome.stale.push_back({chunk.argument, chunk.device, chunk.number / WindowSlot::kChunk});
    }
  } else if (size == 0) {
    slot.first_number = WindowSlot::kFirstNumber;
  }
  for (std::size_t i = 0; i < size; ++i) {
    ReadingRow row(rows.readings[i].t_us);
    for (std::uint32_t argument = 0; argument < arguments_; ++argument) {
      const History& history = histories[argument];
      const bool has_value = size - i <= history.shared;
      row.Set(argument, has_value ? history.readings[history.readings.size() - (size - i)].x : 0);
    }
    slot.ring.PushBack(row);
  }
  if (complete) return;
  std::vector<std::uint64_t>& begins = outcome.begins[chunks[0].device];
  for (const History& history : histories) {
    begins.push_back(slot.first_number + size - history.shared);
  }
}

RestoredWindows::Outcome RestoredWindows::Finish(
    const std::function<WindowSlot&(std::uint32_t device)>& slot) {
  std::ranges::stable_sort(chunks_, {}, [](const Chunk& chunk) {
    return std::tuple(chunk.device, chunk.argument, chunk.number);
  });
  Outcome outcome;
  const std::span<const Chunk> all = chunks_;
  for (std::size_t first = 0; first < all.size();) {
    std::size_t end = first;
    while (end < all.size() && all[end].device == all[first].device) ++end;
    FillSlot(all.subspan(first, end - first), slot(all[first].device), outcome);
    first = end;
  }
  chunks_ = {};
  readings_ = {};
  return outcome;
}

}  // namespace tocsin
