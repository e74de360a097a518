#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tocsin {

// The encodings of values in Parquet pages (apache/parquet-format, Encodings.md). Each appends to
// `out`.

// Bits that hold 0 … `max`, at least 1.
unsigned BitWidth(std::uint64_t max);

// RLE / bit-packed hybrid: values below 2^width, width 1 to 32; without a length before it.
void PutHybrid(std::span<const std::uint32_t> values, unsigned width, std::string& out);

// DELTA_BINARY_PACKED: blocks of 128 values in four miniblocks.
void PutDeltaBinaryPacked(std::span<const std::int64_t> values, std::string& out);

// PLAIN booleans: one bit each.
void PutBits(std::span<const std::uint8_t> values, std::string& out);

// The distinct values of a column by their bits, numbered in order of first sight. Reused from
// column to column: Clear() keeps the memory.
class DoubleDictionary {
 public:
  DoubleDictionary();
  void Clear();
  // Writes the numbers of `values` to `codes`, which is as long. False as soon as there are more
  // than `most` distinct values: then `codes` is not whole.
  bool Encode(std::span<const double> values, std::size_t most, std::uint32_t* codes);
  const std::vector<double>& values() const { return values_; }

 private:
  void Grow();
  std::size_t SlotOf(std::uint64_t bits) const {
    return static_cast<std::size_t>(bits * 0x9E37'79B9'7F4A'7C15 >> shift_);
  }

  std::vector<std::uint32_t> slots_;  // open addressing, at most half full
  unsigned shift_;                    // 64 - log2(slots_.size())
  std::vector<double> values_;
};

}  // namespace tocsin
