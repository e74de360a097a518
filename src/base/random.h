#pragma once

#include <cstdint>

namespace tocsin {

// A source of 64 random bits at a time. Not for secrets.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual std::uint64_t Next() = 0;

  // Uniform in [0, 1) with 53 random bits.
  double NextDouble() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  // Uniform in [0, bound); bound > 0. The bias for bounds far below 2^64 is negligible.
  std::uint64_t NextBelow(std::uint64_t bound) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<Wide>(Next()) * bound) >> 64);
  }
  // Normal deviate with mean 0 and standard deviation 1 (Box-Muller, one value a call).
  double NextGaussian();
};

// xoshiro256** seeded by splitmix64 (Blackman and Vigna, prng.di.unimi.it): the same seed gives
// the same sequence on every machine.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed);
  std::uint64_t Next() override;

 private:
  std::uint64_t state_[4];
};

// A seed from the operating system, for runs that name none.
std::uint64_t RandomSeed();

}  // namespace tocsin
