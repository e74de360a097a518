#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "functions/window_slot.h"

namespace tocsin {

// Gathers the parts of a restore, which may come in any order, and makes rows of them. The
// arguments of a ring need not have the same history: one that a rule began to use later has values
// of the newest rows only.
class RestoredWindows {
 public:
  struct Part {
    std::uint32_t argument, device;
    std::uint64_t part;
  };
  struct Outcome {
    // By device where some row has no value of some argument, then argument: the number of the
    // first row with one.
    std::map<std::uint32_t, std::vector<std::uint64_t>> begins;
    // Parts that did not fit together: to delete. Their slots are dirty and numbered behind them.
    std::vector<Part> stale;
  };

  explicit RestoredWindows(std::uint32_t arguments = 1) : arguments_(arguments) {}

  bool Add(std::uint32_t argument, std::uint32_t device, std::uint64_t part,
           std::string_view value);
  // Fills `slot(device)` of each device.
  Outcome Finish(const std::function<WindowSlot&(std::uint32_t device)>& slot);

 private:
  struct Chunk {
    std::uint32_t device, argument;
    std::uint64_t number;  // of its first reading; 0 = the clock's part
    std::int64_t clock_us;
    std::size_t first, count;  // in readings_
  };
  // What is left of one argument at one device.
  struct History {
    std::vector<Reading> readings;
    std::uint64_t first_number = 0, end_number = 0;
    bool fits = true;        // numbers follow each other, and so do times
    std::size_t shared = 0;  // so many of the newest are at the times of the newest rows

    std::int64_t last_us() const;
  };
  History HistoryOf(std::span<const Chunk> chunks) const;
  void FillSlot(std::span<const Chunk> chunks, WindowSlot& slot, Outcome& outcome) const;

  std::uint32_t arguments_;
  std::vector<Chunk> chunks_;
  std::vector<Reading> readings_;
};

}  // namespace tocsin
