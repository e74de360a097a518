#include "functions/incomplete_slots.h"

#include <algorithm>
#include <utility>

namespace tocsin {

void IncompleteSlots::Add(WindowSlot& slot, std::vector<std::uint64_t> begins) {
  slot.incomplete = true;
  begins_[&slot] = std::move(begins);
}

std::span<const std::uint64_t> IncompleteSlots::BeginsOf(const WindowSlot& slot) const {
  if (!slot.incomplete) return {};
  return begins_.at(&slot);
}

void IncompleteSlots::Inserted(const WindowSlot& slot, std::uint64_t number) {
  if (!slot.incomplete) return;
  for (std::uint64_t& begin : begins_.at(&slot)) begin += number < begin ? 1 : 0;
}

void IncompleteSlots::Update(WindowSlot& slot) {
  const auto found = begins_.find(&slot);
  if (found == begins_.end()) return;
  slot.incomplete = std::ranges::any_of(
      found->second, [&](std::uint64_t begin) { return begin > slot.first_number; });
  if (!slot.incomplete) begins_.erase(found);
}

}  // namespace tocsin
