#include "rule/column_loops.h"

#include "rule/operation.h"

namespace tocsin {
namespace {

struct Column {
  const double* __restrict values;
  double operator[](std::size_t i) const { return values[i]; }
};
struct Constant {
  double value;
  double operator[](std::size_t) const { return value; }
};

template <class Function, class A, class B, class Out>
void Loop(Function function, A a, B b, std::span<Out> out) {
  Out* __restrict to = out.data();
  const std::size_t n = out.size();
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<Out>(function(a[i], b[i]));
}

template <class Function, class Out>
void LoopOver(Function function, const NumberOperand& a, const NumberOperand& b,
              std::span<Out> out) {
  if (a.values == nullptr) {
    if (b.values == nullptr) return Loop(function, Constant{a.constant}, Constant{b.constant}, out);
    return Loop(function, Constant{a.constant}, Column{b.values}, out);
  }
  if (b.values == nullptr) return Loop(function, Column{a.values}, Constant{b.constant}, out);
  Loop(function, Column{a.values}, Column{b.values}, out);
}

// Unknown where `null` is set, whatever the byte says.
void MarkUnknown(const std::uint8_t* __restrict null, std::span<std::uint8_t> truth) {
  if (null == nullptr) return;
  std::uint8_t* __restrict to = truth.data();
  const std::size_t n = truth.size();
  for (std::size_t i = 0; i < n; ++i) {
    to[i] = null[i] != 0 ? static_cast<std::uint8_t>(kUnknown) : to[i];
  }
}

}  // namespace

void Calculate(Operator op, const NumberOperand& a, const NumberOperand& b, std::span<double> out) {
  WithArithmetic(op, [&](auto function) { LoopOver(function, a, b, out); });
}

void UniteNulls(const NumberOperand& a, const NumberOperand& b, std::span<std::uint8_t> out) {
  const std::uint8_t* __restrict left = a.null != nullptr ? a.null : b.null;
  const std::uint8_t* __restrict right = b.null != nullptr ? b.null : a.null;
  std::uint8_t* __restrict to = out.data();
  const std::size_t n = out.size();
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<std::uint8_t>(left[i] | right[i]);
}

void Compare(Operator op, const NumberOperand& a, const NumberOperand& b,
             std::span<std::uint8_t> out) {
  WithComparison(op, [&](auto function) { LoopOver(function, a, b, out); });
  MarkUnknown(a.null, out);
  MarkUnknown(b.null, out);
}

void Combine(Operator op, const std::uint8_t* a, const std::uint8_t* b,
             std::span<std::uint8_t> out) {
  WithLogic(op, [&](auto function) {
    const std::uint8_t* __restrict left = a;
    const std::uint8_t* __restrict right = b != nullptr ? b : a;
    std::uint8_t* __restrict to = out.data();
    const std::size_t n = out.size();
    for (std::size_t i = 0; i < n; ++i) to[i] = function(left[i], right[i]);
  });
}

bool FindNulls(const double* values, std::span<std::uint8_t> null) {
  std::uint8_t* __restrict to = null.data();
  const double* __restrict from = values;
  const std::size_t n = null.size();
  for (std::size_t i = 0; i < n; ++i) to[i] = from[i] != from[i];
  return AnySet(null);
}

bool AnySet(std::span<const std::uint8_t> bytes) {
  std::uint8_t any = 0;
  for (const std::uint8_t byte : bytes) any = static_cast<std::uint8_t>(any | byte);
  return any != 0;
}

void SetWhere(Operator op, const double* values, double threshold, const ConditionBits& bits) {
  const double* __restrict from = values;
  std::uint64_t* __restrict to = bits.words;
  const std::size_t n = bits.rows;
  const unsigned bit = bits.bit;
  WithComparison(op, [&](auto function) {
    if (bits.stride == 1) {
      for (std::size_t i = 0; i < n; ++i) {
        to[i] |= static_cast<std::uint64_t>(function(from[i], threshold)) << bit;
      }
    } else {
      const std::size_t stride = bits.stride;
      for (std::size_t i = 0; i < n; ++i) {
        to[i * stride] |= static_cast<std::uint64_t>(function(from[i], threshold)) << bit;
      }
    }
  });
}

void SetWhereTrue(const std::uint8_t* truth, const ConditionBits& bits) {
  const std::uint8_t* __restrict from = truth;
  std::uint64_t* __restrict to = bits.words;
  const std::size_t n = bits.rows;
  const std::size_t stride = bits.stride;
  const unsigned bit = bits.bit;
  for (std::size_t i = 0; i < n; ++i) {
    to[i * stride] |= static_cast<std::uint64_t>(from[i] & 1u) << bit;
  }
}

}  // namespace tocsin
