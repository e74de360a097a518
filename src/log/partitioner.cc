#include "log/partitioner.h"

#include <cstring>

#include "base/bytes.h"

namespace tocsin {

std::uint32_t Murmur2(std::string_view bytes) {
  constexpr std::uint32_t kSeed = 0x9747b28c;
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  const std::size_t whole = bytes.size() & ~std::size_t{3};
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(bytes.size());
  for (std::size_t i = 0; i < whole; i += 4) {
    auto word = GetFixed<std::uint32_t>(bytes.data() + i);
    word *= kMultiplier;
    word ^= word >> kShift;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  if (whole != bytes.size()) {
    std::uint32_t tail = 0;
    std::memcpy(&tail, bytes.data() + whole, bytes.size() - whole);
    hash ^= tail;
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return hash;
}

}  // namespace tocsin
