#include "functions/near_sum.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <array>
#include <bit>
#include <cmath>
#include <random>

namespace tocsin {
namespace {

TEST(NearSumTest, TakesInWhatSensorsSendAndNothingThatItWouldRound) {
  for (const double x : {0.0, 1.0, -273.15, 21.37, 1e-6, -1e9, 0x1p-72, -0x1.8p-71, 0x1.fffp29}) {
    Int128 units = 1;
    ASSERT_TRUE(ToNear(x, units)) << x;
    EXPECT_EQ(static_cast<double>(units), std::ldexp(x, 72)) << x;
  }
  for (const double x : {0x1p30, -0x1p30, 0x1p-73, 0x1.8p-72, 0.1e-7, 5e-324, 1e300}) {
    Int128 units = 1;
    EXPECT_FALSE(ToNear(x, units)) << x;
  }
}

TEST(NearSumTest, TakesInAColumnAsItsReadings) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::array<double, NearColumn::kSize> x{};
    for (double& value : x) {
      value = std::bit_cast<double>(random());  // anything, also no number
      const auto kind = random() % 4;
      if (kind > 0) value = std::ldexp(static_cast<double>(random() % 1'000'000) - 5e5, -10);
      if (kind > 1) value *= 1.1;
    }
    NearColumn column;
    column.Set(x);
    for (std::size_t i = 0; i < x.size(); ++i) {
      Int128 units = 0;
      const bool near = ToNear(x[i], units);
      if (column.far[i] == 0) {
        RC_ASSERT(near);
        RC_ASSERT(column.At(i) == units);
      } else {
        RC_ASSERT(!near || std::fabs(x[i]) < 0x1p-20);
      }
    }
  }));
}

// The wide integers of exact_integer.h round the same numbers on their own.
TEST(NearSumTest, RoundsAsTheWideIntegersDo) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < 200; ++i) {
      Uint128 value = Uint128{random()} << 64 | random();
      value >>= random() % 127 + 1;
      if (random() % 2 == 0) value &= ~Uint128{0} << (random() % 100);  // ties
      if (random() % 4 == 0) value |= 1;                                // and hardly none
      ExactInteger<3> wide;
      wide.AddShifted(value, 0, false);
      RC_ASSERT(RoundedNear(value, -72) == wide.ToDouble(-72));
      RC_ASSERT(RoundedNear(-static_cast<Int128>(value), -72) == -wide.ToDouble(-72));
    }
  }));
}

TEST(NearSumTest, CalculatesIn256BitsAsTheWideIntegersDo) {
  EXPECT_TRUE(rc::check([](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](unsigned bits) {
      return (Uint128{random()} << 64 | random()) >> (128 - bits + random() % bits);
    };
    Uint256 squares;
    ExactInteger<6> wide;
    const auto n = static_cast<std::uint32_t>(1 + random() % 50);
    for (std::uint32_t i = 0; i < n; ++i) {
      const Uint128 x = below(102);
      ExactInteger<3> wide_x;
      wide_x.AddShifted(x, 0, false);
      const ExactInteger<6> square = Multiply(wide_x, wide_x);
      squares.Add(Uint256::SquareOf(x));
      for (unsigned l = 0; l < 4; ++l) wide.AddShifted(square.limb[l], 64 * l, false);
      RC_ASSERT(squares.Rounded(-144) == wide.ToDouble(-144));
      RC_ASSERT(squares.Times(n).Rounded(-144) == Times(wide, n).ToDouble(-144));
    }
    const Uint256 before = squares;
    const Uint128 more = below(120);
    squares.Add(Uint256::SquareOf(more));
    squares.Subtract(Uint256::SquareOf(more));
    RC_ASSERT(squares.low() == before.low());
    RC_ASSERT(squares.high() == before.high());
  }));
}

}  // namespace
}  // namespace tocsin
