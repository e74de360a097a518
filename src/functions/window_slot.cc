#include "functions/window_slot.h"

#include <algorithm>

#include "functions/state_bytes.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;
constexpr std::uint64_t kLargestPart = std::uint64_t{1} << 56;

void EncodeChunk(const WindowSlot& slot, std::uint32_t first, std::uint32_t end, std::string& out) {
  out.clear();
  out.push_back(kVersion);
  const std::uint64_t place = (slot.first_number + first) % WindowSlot::kChunk;
  out.push_back(static_cast<char>(place * 16 + (end - first)));
  PutTime(out, slot.clock_us);
  PutTime(out, slot.ring[first].t_us);
  for (std::uint32_t i = first + 1; i < end; ++i) {
    PutVarint(out, static_cast<std::uint64_t>(slot.ring[i].t_us - slot.ring[i - 1].t_us));
  }
  for (std::uint32_t i = first; i < end; ++i) PutValue(out, slot.ring[i].x);
}

}  // namespace

void FlushWindow(std::uint32_t device, WindowSlot& slot, bool everything,
                 const FunctionState::Put& put) {
  if (slot.clock_us == WindowSlot::kNoClock) return;
  std::string out;
  const std::uint64_t first_part = slot.first_number / WindowSlot::kChunk;
  for (std::uint64_t i = slot.expired_chunks; i > 0; --i) put(device, first_part - i, {});
  slot.expired_chunks = 0;
  const std::uint32_t size = slot.ring.size();
  if (size == 0) {
    out.push_back(kVersion);
    PutTime(out, slot.clock_us);
    put(device, 0, out);
    slot.clock_part = true;
  } else {
    if (slot.clock_part) put(device, 0, {});
    slot.clock_part = false;
    // The chunk of the last reading carries the clock: it is written in any case.
    std::uint32_t next = everything ? 0 : std::min(slot.dirty_from, size - 1);
    next -= static_cast<std::uint32_t>(
        std::min<std::uint64_t>(next, (slot.first_number + next) % WindowSlot::kChunk));
    while (next < size) {
      const std::uint64_t number = slot.first_number + next;
      const auto end = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(size, next + WindowSlot::kChunk - number % WindowSlot::kChunk));
      EncodeChunk(slot, next, end, out);
      put(device, number / WindowSlot::kChunk, out);
      next = end;
    }
  }
  slot.dirty_from = WindowSlot::kClean;
  slot.queued = false;
}

bool RestoredWindows::Add(std::uint32_t device, std::uint64_t part, std::string_view value) {
  if (part > kLargestPart || value.empty() || value[0] != kVersion) return false;
  Part entry{device, 0, 0, readings_.size(), 0};
  if (part == 0) {
    StateReader reader(value.substr(1));
    if (!reader.Time(entry.clock_us) || !reader.Done()) return false;
    parts_.push_back(entry);
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
  parts_.push_back(entry);
  return true;
}

void RestoredWindows::FillSlot(std::span<const Part> parts, WindowSlot& slot) const {
  bool fits = true;
  std::vector<Reading> all;
  std::uint64_t next = 0;
  for (const Part& part : parts) {
    slot.clock_us = std::max(slot.clock_us, part.clock_us);
    if (part.number == 0) {
      slot.clock_part = true;
      continue;
    }
    if (next == 0) {
      slot.first_number = part.number;
    } else {
      fits = fits && part.number == next;
    }
    next = part.number + part.count;
    all.insert(all.end(), readings_.begin() + static_cast<std::ptrdiff_t>(part.first),
               readings_.begin() + static_cast<std::ptrdiff_t>(part.first + part.count));
  }
  fits = fits && std::ranges::is_sorted(all, {}, &Reading::t_us);
  if (!fits) {
    std::ranges::stable_sort(all, {}, &Reading::t_us);
    slot.dirty_from = 0;
  }
  for (const Reading& reading : all) slot.ring.PushBack(reading);
}

void RestoredWindows::Finish(const std::function<WindowSlot&(std::uint32_t device)>& slot) {
  std::ranges::stable_sort(parts_, [](const Part& a, const Part& b) {
    return a.device != b.device ? a.device < b.device : a.number < b.number;
  });
  for (std::size_t first = 0; first < parts_.size();) {
    std::size_t end = first;
    while (end < parts_.size() && parts_[end].device == parts_[first].device) ++end;
    FillSlot(std::span(parts_).subspan(first, end - first), slot(parts_[first].device));
    first = end;
  }
  parts_ = {};
  readings_ = {};
}

}  // namespace tocsin
