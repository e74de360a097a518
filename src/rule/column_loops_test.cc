#include "rule/column_loops.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "rule/operation.h"

namespace tocsin {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(OperationTest, LogicIsThreeValuedAsInSql) {
  const std::uint8_t f = kFalse, t = kTrue, u = kUnknown;
  EXPECT_EQ(NotOf(f), t);
  EXPECT_EQ(NotOf(t), f);
  EXPECT_EQ(NotOf(u), u);
  const std::uint8_t values[] = {f, t, u};
  const std::uint8_t both[3][3] = {{f, f, f}, {f, t, u}, {f, u, u}};
  const std::uint8_t either[3][3] = {{f, t, u}, {t, t, t}, {u, t, u}};
  for (const std::uint8_t a : values) {
    for (const std::uint8_t b : values) {
      EXPECT_EQ(AndOf(a, b), both[a][b]) << int{a} << int{b};
      EXPECT_EQ(OrOf(a, b), either[a][b]) << int{a} << int{b};
    }
  }
}

TEST(ColumnLoopsTest, ArithmeticIsIeee) {
  const std::vector<double> a = {1, -1, 0, 7, -7}, b = {0, 0, 0, 4, 4};
  std::vector<double> out(a.size());
  Calculate(Operator::kDivide, {.values = a.data()}, {.values = b.data()}, out);
  EXPECT_EQ(out[0], kInfinity);
  EXPECT_EQ(out[1], -kInfinity);
  EXPECT_TRUE(std::isnan(out[2]));
  Calculate(Operator::kModulo, {.values = a.data()}, {.values = b.data()}, out);
  EXPECT_TRUE(std::isnan(out[0]));
  EXPECT_EQ(out[3], 3);
  EXPECT_EQ(out[4], -3);
  Calculate(Operator::kSubtract, {.constant = 10}, {.values = a.data()}, out);
  EXPECT_EQ(out, (std::vector<double>{9, 11, 10, 3, 17}));
  Calculate(Operator::kNegate, {.values = a.data()}, {}, out);
  EXPECT_EQ(out, (std::vector<double>{-1, 1, 0, -7, 7}));
}

TEST(ColumnLoopsTest, NanComparesFalseAndNullUnknown) {
  const std::vector<double> a = {kNan, kNan, 1, 1};
  const std::vector<std::uint8_t> null = {0, 1, 0, 1};
  std::vector<std::uint8_t> out(4);
  for (const Operator op : {Operator::kLess, Operator::kLessEqual, Operator::kGreater,
                            Operator::kGreaterEqual, Operator::kEqual, Operator::kNotEqual}) {
    Compare(op, {.values = a.data(), .null = null.data()}, {.constant = 1}, out);
    EXPECT_EQ(out[0], kFalse);
    EXPECT_EQ(out[1], kUnknown);
    EXPECT_NE(out[2], kUnknown);
    EXPECT_EQ(out[3], kUnknown);
  }
}

TEST(ColumnLoopsTest, AConditionSetsItsBitAloneInItsWord) {
  const std::vector<double> values = {49, 50, kNan, 51};
  std::vector<std::uint64_t> words(8, 4);
  SetWhere(Operator::kGreaterEqual, values.data(), 50,
           {.words = words.data() + 1, .stride = 2, .rows = 4, .bit = 63});
  const std::uint64_t set = 4 | 1ull << 63;
  EXPECT_EQ(words, (std::vector<std::uint64_t>{4, 4, 4, set, 4, 4, 4, set}));
  std::vector<std::uint64_t> narrow(4, 0);
  SetWhere(Operator::kNotEqual, values.data(), 50, {.words = narrow.data(), .rows = 4, .bit = 1});
  EXPECT_EQ(narrow, (std::vector<std::uint64_t>{2, 0, 0, 2}));
}

TEST(ColumnLoopsTest, OnlyTrueSetsABit) {
  const std::vector<std::uint8_t> truth = {kFalse, kTrue, kUnknown};
  std::vector<std::uint64_t> words(3, 0);
  SetWhereTrue(truth.data(), {.words = words.data(), .rows = 3, .bit = 5});
  EXPECT_EQ(words, (std::vector<std::uint64_t>{0, 32, 0}));
}

}  // namespace
}  // namespace tocsin
