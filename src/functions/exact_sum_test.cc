#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <random>
#include <set>
#include <vector>

#include "functions/exact_sum.h"
#include "functions/moments.h"
#include "functions/order_statistics.h"
#include "functions/sorted_window.h"
#include "functions/state_bytes.h"

namespace tocsin {
namespace {

double ExpansionOf(const std::vector<double>& values) {
  ExpansionSum sum;
  for (const double x : values) sum.Add(x);
  return sum.Value();
}

// Cases of CPython's test of math.fsum.
TEST(ExpansionSumTest, RoundsTheExactSumOnce) {
  EXPECT_EQ(ExpansionOf({}), 0);
  EXPECT_EQ(ExpansionOf({1e100, 1, -1e100, 1e-100, 1e50, -1, -1e50}), 1e-100);
  EXPECT_EQ(ExpansionOf({0x1p53, -0.5, -0x1p-54}), 0x1p53 - 1);
  EXPECT_EQ(ExpansionOf({0x1p53, 1, 0x1p-100}), 0x1p53 + 2);
  EXPECT_EQ(ExpansionOf({0x1p53 + 10, 1, 0x1p-100}), 0x1p53 + 12);
  EXPECT_EQ(ExpansionOf({0x1p53 - 4, 0.5, 0x1p-54}), 0x1p53 - 3);
  EXPECT_EQ(ExpansionOf(std::vector<double>(10, 0.1)), 1);
}

TEST(ExactSumTest, AgreesWithTheExpansionWhateverWasAddedAndRemovedBefore) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    std::mt19937_64 random(seed);
    const auto value = [&] {
      const double mantissa = std::ldexp(static_cast<double>(random() >> 11), -53) - 0.5;
      return std::ldexp(mantissa, static_cast<int>(random() % 100) - 50);
    };
    ExactSum sum;
    std::vector<double> kept, passing;
    for (int i = 0; i < 60; ++i) (random() % 2 == 0 ? kept : passing).push_back(value());
    for (const double x : passing) sum.Add({0, x});
    for (const double x : kept) sum.Add({0, x});
    for (const double x : passing) sum.Remove({0, x});
    RC_ASSERT(sum.Value({}) == ExpansionOf(kept));
  }));
}

TEST(FixedPointTest, TakesInWhatADoubleOfAMeasurementCanBe) {
  for (const double x : {0.0, 1.0, -273.15, 1e-18, 0x1p-112, 9007199254740993.0, 0x1.fffffp54}) {
    EXPECT_TRUE(ToFixedPoint(x).inside) << x;
    const FixedPoint fixed = ToFixedPoint(x);
    const double magnitude = std::ldexp(static_cast<double>(fixed.mantissa),
                                        static_cast<int>(fixed.shift) + kFixedExponent);
    EXPECT_EQ(fixed.negative ? -magnitude : magnitude, x);
  }
  for (const double x : {0x1p55, 0x1p-113, 1e-30, 5e-324, 1e300}) {
    EXPECT_FALSE(ToFixedPoint(x).inside) << x;
  }
}

// With no ring at hand a value can only come from the sums: there is no scan of the window.
TEST(MomentsTest, NeedNoLookAtTheReadings) {
  constexpr std::uint32_t kReadings = 100'000;
  ValueMoments values;
  LineMoments line;
  for (std::uint32_t i = 0; i < kReadings; ++i) {
    const Reading reading{1'760'000'000'000'000 + 1000 * std::int64_t{i}, 1e9 + 0.25 * (i % 2)};
    values.Add(reading);
    line.Add({reading.t_us, 5e8 + 0.5 * i});
  }
  EXPECT_EQ(values.StandardDeviation({}, kReadings), 0.125);
  EXPECT_DOUBLE_EQ(line.Slope({}, kReadings), 500);
  EXPECT_DOUBLE_EQ(values.Score({}, kReadings, 1e9 + 0.625), 4);
}

TEST(SortedWindowTest, IsASortedListWhateverItsSize) {
  EXPECT_TRUE(rc::check([](std::uint32_t seed) {
    std::mt19937 random(seed);
    SortedWindow window;
    std::multiset<double> model;
    const std::size_t most = random() % 2 == 0 ? 100 : 3000;
    for (int i = 0; i < 8000; ++i) {
      const bool grow =
          model.size() < most && (model.empty() || (i / 4000) % 2 == 0 || random() % 3 == 0);
      if (grow) {
        const double x = static_cast<double>(random() % 1000);
        window.Add(x);
        model.insert(x);
      } else {
        const auto gone = std::next(
            model.begin(), static_cast<int>(random() % std::min<std::size_t>(model.size(), 50)));
        window.Remove(*gone);
        model.erase(gone);
      }
      RC_ASSERT(window.size() == model.size());
      if (i % 500 != 0) continue;
      std::uint32_t rank = 0;
      for (const double x : model) RC_ASSERT(window[rank++] == x);
      RC_ASSERT(window.largest_block() <= SortedWindow::kBlock);
    }
  }));
}

TEST(SortedWindowTest, MovesNoMoreThanABlockOfManyReadings) {
  SortedWindow window;
  for (int i = 0; i < 100'000; ++i) window.Add(static_cast<double>(i * 7919 % 100'003));
  EXPECT_LE(window.largest_block(), SortedWindow::kBlock);
  EXPECT_LE(window.bytes(), 100'000 * 24u);
}

TEST(OrderStatisticsTest, LookAtFewValuesOfMany) {
  struct Counted {
    mutable std::uint32_t looks = 0;
    double operator[](std::uint32_t rank) const {
      ++looks;
      return rank;
    }
  } values;
  EXPECT_EQ(MedianOf(values, 100'001), 50'000);
  EXPECT_EQ(MedianDistance(values, 100'001, 50'000), 25'000);
  EXPECT_LE(values.looks, 60u);
}

TEST(StateBytesTest, BringsEveryValueBackBitByBit) {
  EXPECT_TRUE(rc::check([](double any, std::int32_t digits, std::uint8_t decimals) {
    for (const double x : {any, digits / std::pow(10, decimals % 8), -0.0, 0.0, 1e300, 5e-324}) {
      if (!std::isfinite(x)) continue;
      std::string bytes;
      PutValue(bytes, x);
      StateReader reader(bytes);
      double back = 1;
      RC_ASSERT(reader.Value(back));
      RC_ASSERT(reader.Done());
      RC_ASSERT(std::bit_cast<std::uint64_t>(back) == std::bit_cast<std::uint64_t>(x));
    }
  }));
  std::string bytes;
  PutValue(bytes, 21.37);
  EXPECT_LE(bytes.size(), 3u);
}

}  // namespace
}  // namespace tocsin
