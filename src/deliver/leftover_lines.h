#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tocsin {

// Lines that are in the alert log though their transaction was not committed: a multiset of line
// hashes (XXH3-64). The records of these lines are read again, and must not be written again.
class LeftoverLines {
 public:
  void Add(std::string_view line);
  // True, and the line is gone from the set, when it is in it.
  bool Take(std::string_view line);
  void Clear() { counts_.clear(); }
  bool empty() const { return counts_.empty(); }

  // The set as bytes: 8 bytes a line. Decode adds to the set; false for a length that is no
  // multiple of 8.
  void EncodeTo(std::string& out) const;
  bool Decode(std::string_view bytes);

 private:
  std::unordered_map<std::uint64_t, std::uint32_t> counts_;
};

}  // namespace tocsin
