#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "functions/window_slot.h"

namespace tocsin {

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
    return slot.incomplete ? MissingOf(slot, argument, number, size) : 0;
  }
  // The row `number` was put in between: it counts as one without a value where those behind it
  // have none.
  void Inserted(const WindowSlot& slot, std::uint64_t number);
  // Takes the slot out when the last row without a value is gone.
  void Update(WindowSlot& slot);

 private:
  std::uint32_t MissingOf(const WindowSlot& slot, std::uint32_t argument, std::uint64_t number,
                          std::uint32_t size) const;

  std::unordered_map<const WindowSlot*, std::vector<std::uint64_t>> begins_;
};

}  // namespace tocsin
