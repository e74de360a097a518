#include "deliver/leftover_lines.h"

#include <xxhash.h>

#include "base/bytes.h"

namespace tocsin {
namespace {

std::uint64_t HashOf(std::string_view line) {
  return XXH3_64bits(line.data(), line.size());
}

}  // namespace

void LeftoverLines::Add(std::string_view line) {
  ++counts_[HashOf(line)];
}

bool LeftoverLines::Take(std::string_view line) {
  const auto found = counts_.find(HashOf(line));
  if (found == counts_.end()) return false;
  if (--found->second == 0) counts_.erase(found);
  return true;
}

void LeftoverLines::EncodeTo(std::string& out) const {
  for (const auto& [hash, count] : counts_) {
    for (std::uint32_t i = 0; i < count; ++i) PutFixed(out, hash);
  }
}

bool LeftoverLines::Decode(std::string_view bytes) {
  if (bytes.size() % sizeof(std::uint64_t) != 0) return false;
  for (; !bytes.empty(); bytes.remove_prefix(sizeof(std::uint64_t))) {
    ++counts_[GetFixed<std::uint64_t>(bytes.data())];
  }
  return true;
}

}  // namespace tocsin
