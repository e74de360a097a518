#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE4_1__
#include <immintrin.h>
#endif

#include "base/bytes.h"

namespace tocsin {

// A few bytes to be found again, some of which may be any: compared as one vector.
template <std::size_t kSize>
class MaskedBytes {
  static_assert(kSize % sizeof(std::uint64_t) == 0);

 public:
  static constexpr std::size_t kBytes = kSize;

  MaskedBytes() = default;
  // `bytes` are no more than kSize. Those of [any_begin, any_end) may be any, like all behind them.
  explicit MaskedBytes(std::string_view bytes, std::size_t any_begin = 0, std::size_t any_end = 0) {
    std::memcpy(bytes_.data(), bytes.data(), bytes.size());
    std::memset(mask_.data(), 0xff, bytes.size());
    for (std::size_t i = any_begin; i < any_end; ++i) bytes_[i] = mask_[i] = 0;
  }

  // kSize bytes at `at` are readable.
  bool Match(const char* at) const {
#ifdef __AVX2__
    if constexpr (kSize == 32) {
      const auto load = [](const char* from) {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
      };
      const __m256i differ = _mm256_xor_si256(load(at), load(bytes_.data()));
      return _mm256_testz_si256(differ, load(mask_.data())) != 0;
    }
#endif
#ifdef __SSE4_1__
    if constexpr (kSize == 16) {
      const auto load = [](const char* from) {
        return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      };
      const __m128i differ = _mm_xor_si128(load(at), load(bytes_.data()));
      return _mm_testz_si128(differ, load(mask_.data())) != 0;
    }
#endif
    std::uint64_t differ = 0;
    for (std::size_t i = 0; i < kSize; i += sizeof differ) {
      differ |= (GetFixed<std::uint64_t>(at + i) ^ GetFixed<std::uint64_t>(bytes_.data() + i)) &
                GetFixed<std::uint64_t>(mask_.data() + i);
    }
    return differ == 0;
  }

 private:
  std::array<char, kSize> bytes_ = {};
  std::array<char, kSize> mask_ = {};  // 0xff where the byte counts
};

}  // namespace tocsin
