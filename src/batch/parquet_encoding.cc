#include "batch/parquet_encoding.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr std::size_t kGroup = 8;  // values that bit-packed runs come in
constexpr std::size_t kBlock = 128;
constexpr std::size_t kMiniblock = 32;
constexpr std::uint32_t kFree = std::numeric_limits<std::uint32_t>::max();
constexpr unsigned kFirstSlotBits = 10;

// Packs values of `width` bits, the first in the lowest bits; zeros fill up to `padded` values,
// which is a multiple of 8.
template <class T>
void PutPacked(const T* values, std::size_t count, std::size_t padded, unsigned width,
               std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + padded / 8 * width + 8);
  char* at = out.data() + begin;
  std::uint64_t word = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t value = values[i];
    word |= value << bits;
    bits += width;
    if (bits < 64) continue;
    std::memcpy(at, &word, 8);
    at += 8;
    bits -= 64;
    word = bits == 0 ? 0 : value >> (width - bits);
  }
  std::memcpy(at, &word, 8);
  out.resize(begin + padded / 8 * width);  // the bytes behind the last word are zeros
}

void PutLiterals(std::span<const std::uint32_t> values, unsigned width, std::string& out) {
  if (values.empty()) return;
  const std::size_t groups = (values.size() + kGroup - 1) / kGroup;
  PutVarint(out, groups << 1 | 1);
  PutPacked(values.data(), values.size(), groups * kGroup, width, out);
}

}  // namespace

unsigned BitWidth(std::uint64_t max) {
  return std::max(1U, static_cast<unsigned>(std::bit_width(max)));
}

void PutHybrid(std::span<const std::uint32_t> values, unsigned width, std::string& out) {
  std::size_t literals = 0;  // begin of the values that are not written yet
  for (std::size_t at = 0; at < values.size();) {
    std::size_t end = at + 1;
    while (end < values.size() && values[end] == values[at]) ++end;
    // Literals come in whole groups: the run gives the rest of the last one.
    const std::size_t filling = (kGroup - (at - literals) % kGroup) % kGroup;
    if (end - at >= kGroup + filling) {
      PutLiterals(values.subspan(literals, at + filling - literals), width, out);
      PutVarint(out, (end - at - filling) << 1);
      const std::uint32_t value = values[at];
      out.append(reinterpret_cast<const char*>(&value), (width + 7) / 8);
      literals = end;
    }
    at = end;
  }
  PutLiterals(values.subspan(literals), width, out);
}

void PutDeltaBinaryPacked(std::span<const std::int64_t> values, std::string& out) {
  PutVarint(out, kBlock);
  PutVarint(out, kBlock / kMiniblock);
  PutVarint(out, values.size());
  PutVarint(out, ZigZag(values.empty() ? 0 : values[0]));
  // Differences wrap around, which readers undo.
  std::uint64_t deltas[kBlock] = {};
  for (std::size_t at = 1; at < values.size(); at += kBlock) {
    const std::size_t count = std::min(kBlock, values.size() - at);
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (std::size_t i = 0; i < count; ++i) {
      deltas[i] = static_cast<std::uint64_t>(values[at + i]) -
                  static_cast<std::uint64_t>(values[at + i - 1]);
      least = std::min(least, static_cast<std::int64_t>(deltas[i]));
    }
    PutVarint(out, ZigZag(least));
    unsigned widths[kBlock / kMiniblock] = {};
    for (std::size_t m = 0; m * kMiniblock < count; ++m) {
      std::uint64_t all = 0;
      const std::size_t end = std::min(count, (m + 1) * kMiniblock);
      for (std::size_t i = m * kMiniblock; i < end; ++i) {
        deltas[i] -= static_cast<std::uint64_t>(least);
        all |= deltas[i];
      }
      widths[m] = static_cast<unsigned>(std::bit_width(all));
    }
    for (const unsigned width : widths) out += static_cast<char>(width);
    for (std::size_t m = 0; m * kMiniblock < count; ++m) {
      if (widths[m] == 0) continue;
      PutPacked(deltas + m * kMiniblock, std::min(kMiniblock, count - m * kMiniblock), kMiniblock,
                widths[m], out);
    }
  }
}

void PutBits(std::span<const std::uint8_t> values, std::string& out) {
  std::size_t at = 0;
  // Eight bytes of 0 or 1 to eight bits: the product gathers them in its highest byte.
  for (; at + 8 <= values.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, values.data() + at, 8);
    out += static_cast<char>(word * 0x0102'0408'1020'4080 >> 56);
  }
  if (at == values.size()) return;
  unsigned last = 0;
  for (std::size_t i = at; i < values.size(); ++i) last |= unsigned{values[i]} << (i - at);
  out += static_cast<char>(last);
}

DoubleDictionary::DoubleDictionary()
    : slots_(std::size_t{1} << kFirstSlotBits, kFree), shift_(64 - kFirstSlotBits) {}

void DoubleDictionary::Clear() {
  std::ranges::fill(slots_, kFree);
  values_.clear();
}

void DoubleDictionary::Grow() {
  --shift_;
  slots_.assign(slots_.size() * 2, kFree);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t code = 0; code < values_.size(); ++code) {
    std::size_t slot = SlotOf(std::bit_cast<std::uint64_t>(values_[code]));
    while (slots_[slot] != kFree) slot = (slot + 1) & mask;
    slots_[slot] = code;
  }
}

bool DoubleDictionary::Encode(std::span<const double> values, std::size_t most,
                              std::uint32_t* codes) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = SlotOf(bits);
    while (slots_[slot] != kFree && std::bit_cast<std::uint64_t>(values_[slots_[slot]]) != bits) {
      slot = (slot + 1) & mask;
    }
    if (slots_[slot] == kFree) {
      if (values_.size() == most) return false;
      slots_[slot] = static_cast<std::uint32_t>(values_.size());
      values_.push_back(values[i]);
      codes[i] = static_cast<std::uint32_t>(values_.size() - 1);
      if (values_.size() * 2 > slots_.size()) Grow();
    } else {
      codes[i] = slots_[slot];
    }
  }
  return true;
}

}  // namespace tocsin
