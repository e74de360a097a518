#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "functions/reading_ring.h"

// The rows that are kept of a device, and their way into keyed state (the way back:
// restored_windows.h).
//
// Rows are numbered in the order of the ring, from kFirstNumber on; number n lies in the part
// n / kChunk (a chunk), so that a new row rewrites one chunk of each argument and an expired one
// costs nothing until its whole chunk has expired and is deleted. A row out of order moves those
// behind it on by one: the chunks from its own on are rewritten. Part 0 holds the clock of a device
// that keeps no row. The parts of an argument are those it would have by itself:
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

  explicit WindowSlot(std::uint32_t arguments = 1) : ring(arguments) {}

  ReadingRing ring;
  std::uint32_t dirty_from = kClean;          // place in the ring of the first not in keyed state
  std::uint32_t expired_chunks : 28 = 0;      // to delete, just before that of first_number
  bool queued : 1 = false;                    // in the list of devices to flush
  bool clock_part : 1 = false;                // part 0 is in keyed state
  bool incomplete : 1 = false;                // some rows have no value of some argument
  std::int64_t clock_us = kNoClock;           // largest event time
  std::uint64_t first_number = kFirstNumber;  // of the first row

  std::uint64_t end_number() const { return first_number + ring.size(); }
  // Place in the ring, or beyond it, of the last row of the chunk that row `at` lies in.
  std::uint32_t EndOfChunk(std::uint32_t at) const {
    return at + static_cast<std::uint32_t>(kChunk - 1 - (first_number + at) % kChunk);
  }
  void DropFront(std::uint32_t n) {
    ring.PopFront(n);
    const std::uint64_t chunks = (first_number + n) / kChunk - first_number / kChunk;
    expired_chunks = (expired_chunks + chunks) & 0xfffffff;
    first_number += n;
    if (dirty_from != kClean) dirty_from -= std::min(dirty_from, n);
  }
  // Room for the words of one more row at the end of the ring.
  RowWord* Extend() {
    dirty_from = std::min(dirty_from, ring.size());
    return ring.Extend();
  }
  void Insert(std::uint32_t at, const ReadingRow& row) {
    ring.Insert(at, row.words());
    dirty_from = std::min(dirty_from, at);
  }
};

// An empty value deletes the part.
using PutPart = std::function<void(std::uint32_t argument, std::uint32_t device, std::uint64_t part,
                                   std::string_view value)>;

// Puts what is new in the slot, or all of it, and marks it clean. `begins`, where the slot is
// incomplete: by argument, the number of the first row with a value of it.
void FlushWindow(std::uint32_t device, WindowSlot& slot, std::span<const std::uint64_t> begins,
                 bool everything, const PutPart& put);

}  // namespace tocsin
