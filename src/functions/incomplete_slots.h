#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "functions/window_slot.h"

namespace tocsin {

// How many of the `size` rows from `number` on stand before row `begin`.
inline std::uint32_t RowsBefore(std::uint64_t begin, std::uint64_t number, std::uint32_t size) {
  if (begin <= number) return 0;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(begin - number, size));
}

// The slots in whose oldest rows some argument has no value, since its rule is newer than the
// readings of the others. A slot is in here as long as its `incomplete` is set; it must not move.
class IncompleteSlots {
 public:
  // `begins`: by argument, the number of the first row with a value of it.
  void Add(WindowSlot& slot, std::vector<std::uint64_t> begins);
  // Empty when the slot is complete.
  std::span<const std::uint64_t> BeginsOf(const WindowSlot& slot) const;
  // How many of the `size` rows from `number` on, the first of them, have no value of the argument.
  std::uint32_t Missing(const WindowSlot& slot, std::uint32_t argument, std::uint64_t number,
                        std::uint32_t size) const {
    return slot.incomplete ? RowsBefore(begins_.at(&slot)[argument], number, size) : 0;
  }
  // The row `number` was put in between: it counts as one without a value where those behind it
  // have none.
  void Inserted(const WindowSlot& slot, std::uint64_t number);
  // Takes the slot out when the last row without a value is gone.
  void Update(WindowSlot& slot);

 private:
  std::unordered_map<const WindowSlot*, std::vector<std::uint64_t>> begins_;
};

}  // namespace tocsin
