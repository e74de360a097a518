#include "functions/window_slot.h"

#include <string>

#include "functions/state_bytes.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;

void EncodeChunk(const WindowSlot& slot, std::uint32_t argument, std::uint32_t first,
                 std::uint32_t end, std::string& out) {
  out.clear();
  out.push_back(kVersion);
  const std::uint64_t place = (slot.first_number + first) % WindowSlot::kChunk;
  out.push_back(static_cast<char>(place * 16 + (end - first)));
  PutTime(out, slot.clock_us);
  PutTime(out, slot.ring.TimeAt(first));
  for (std::uint32_t i = first + 1; i < end; ++i) {
    PutVarint(out, static_cast<std::uint64_t>(slot.ring.TimeAt(i) - slot.ring.TimeAt(i - 1)));
  }
  for (std::uint32_t i = first; i < end; ++i) PutValue(out, slot.ring.ValueAt(i, argument));
}

// The chunks of one argument from row `from` on; rows before `begin` have no value of it.
void PutChunks(std::uint32_t device, const WindowSlot& slot, std::uint32_t argument,
               std::uint32_t from, std::uint32_t begin, const PutPart& put, std::string& out) {
  const std::uint32_t size = slot.ring.size();
  if (begin >= size) return;
  // What a row out of order moved on lay in earlier chunks.
  for (std::uint32_t at = from; at < begin && slot.EndOfChunk(at) < begin;
       at = slot.EndOfChunk(at) + 1) {
    put(argument, device, (slot.first_number + at) / WindowSlot::kChunk, {});
  }
  std::uint32_t next = std::max(from, begin);
  // The chunk of the last reading carries the clock: it is written in any case.
  next = std::min(next, size - 1);
  next -= static_cast<std::uint32_t>(
      std::min<std::uint64_t>(next - begin, (slot.first_number + next) % WindowSlot::kChunk));
  while (next < size) {
    const std::uint32_t end = std::min(size, slot.EndOfChunk(next) + 1);
    EncodeChunk(slot, argument, next, end, out);
    put(argument, device, (slot.first_number + next) / WindowSlot::kChunk, out);
    next = end;
  }
}

}  // namespace

void FlushWindow(std::uint32_t device, WindowSlot& slot, std::span<const std::uint64_t> begins,
                 bool everything, const PutPart& put) {
  if (slot.clock_us == WindowSlot::kNoClock) return;
  std::string out;
  const std::uint64_t first_part = slot.first_number / WindowSlot::kChunk;
  const std::uint32_t from = everything ? 0 : slot.dirty_from;
  for (std::uint32_t argument = 0; argument < slot.ring.arguments(); ++argument) {
    for (std::uint64_t i = slot.expired_chunks; i > 0; --i) {
      put(argument, device, first_part - i, {});
    }
    std::uint32_t begin = 0;
    if (slot.incomplete && begins[argument] > slot.first_number) {
      begin = static_cast<std::uint32_t>(begins[argument] - slot.first_number);
    }
    if (slot.ring.empty()) {
      out.assign(1, kVersion);
      PutTime(out, slot.clock_us);
      put(argument, device, 0, out);
      continue;
    }
    if (slot.clock_part) put(argument, device, 0, {});
    PutChunks(device, slot, argument, from, begin, put, out);
  }
  slot.clock_part = slot.ring.empty();
  slot.expired_chunks = 0;
  slot.dirty_from = WindowSlot::kClean;
  slot.queued = false;
}

}  // namespace tocsin
