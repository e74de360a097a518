#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "functions/function.h"
#include "functions/reading_ring.h"

// The readings that are kept of a device, and their way into keyed state and back.
//
// Readings are numbered in the order of the ring, from kFirstNumber on; number n lies in the part
// n / kChunk (a chunk), so that a new reading rewrites one chunk and an expired one costs nothing
// until its whole chunk has expired and is deleted. A reading out of order moves those behind it on
// by one: the chunks from its own on are rewritten. Part 0 holds the clock of a device that keeps
// no reading.
//   part 0:  u8 version 1, clock
//   chunk:   u8 version 1, u8 place of the first reading in the chunk * 16 + readings, clock as of
//            the writing, time of the first reading, varint differences of the times of the others,
//            their values
// Times and values as in state_bytes.h.
namespace tocsin {

struct WindowSlot {
  static constexpr std::uint32_t kClean = UINT32_MAX;
  static constexpr std::uint64_t kChunk = 8;
  static constexpr std::uint64_t kFirstNumber = kChunk;
  static constexpr std::int64_t kNoClock = INT64_MIN;

  [[no_unique_address]] ReadingRing ring;
  std::uint32_t dirty_from = kClean;          // place in the ring of the first not in keyed state
  std::int64_t clock_us = kNoClock;           // largest event time
  std::uint64_t first_number = kFirstNumber;  // of ring[0]
  std::uint32_t expired_chunks = 0;           // to delete, just before that of first_number
  bool queued : 1 = false;                    // in the list of devices to flush
  bool clock_part : 1 = false;                // part 0 is in keyed state

  // Place in the ring, or beyond it, of the last reading of the chunk that ring[at] lies in.
  std::uint32_t EndOfChunk(std::uint32_t at) const {
    return at + static_cast<std::uint32_t>(kChunk - 1 - (first_number + at) % kChunk);
  }
  void DropFront(std::uint32_t n) {
    ring.PopFront(n);
    expired_chunks +=
        static_cast<std::uint32_t>((first_number + n) / kChunk - first_number / kChunk);
    first_number += n;
    if (dirty_from != kClean) dirty_from -= std::min(dirty_from, n);
  }
  void PushBack(const Reading& reading) {
    dirty_from = std::min(dirty_from, ring.size());
    ring.PushBack(reading);
  }
  void Insert(std::uint32_t at, const Reading& reading) {
    ring.Insert(at, reading);
    dirty_from = std::min(dirty_from, at);
  }
};

// Puts what is new in the slot, or all of it, and marks it clean.
void FlushWindow(std::uint32_t device, WindowSlot& slot, bool everything,
                 const FunctionState::Put& put);

// Gathers the parts of a restore, which may come in any order.
class RestoredWindows {
 public:
  bool Add(std::uint32_t device, std::uint64_t part, std::string_view value);
  // Gives `slot(device)` the readings of each device, `dirty` being set when the parts did not fit
  // together: they are then brought in order, and the next flush writes them anew.
  void Finish(const std::function<WindowSlot&(std::uint32_t device)>& slot);

 private:
  struct Part {
    std::uint32_t device;
    std::uint64_t number;  // of its first reading; 0 = the clock's part
    std::int64_t clock_us;
    std::size_t first, count;  // in readings_
  };
  void FillSlot(std::span<const Part> parts, WindowSlot& slot) const;

  std::vector<Part> parts_;
  std::vector<Reading> readings_;
};

}  // namespace tocsin
