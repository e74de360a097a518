#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "functions/exact_sum.h"
#include "functions/order_statistics.h"
#include "functions/sorted_window.h"
#include "functions/window_state.h"

// What the functions over windows have in common, by what they keep besides the readings
// (WindowState says what each member is for).
namespace tocsin {

template <class Kind>
std::unique_ptr<FunctionState> MakeWindow(const CallConstants& constants,
                                          const FunctionSpec& spec) {
  return std::make_unique<WindowState<Kind>>(constants, spec.min_samples);
}

// Nothing is kept: the value comes from the first and the last reading, or their number.
struct EndsKind {
  struct Aggregate {};
  static constexpr bool kBeforeCurrent = false;
  explicit EndsKind(const CallConstants&) {}
  void Inserted(Aggregate&, const ReadingRing&, std::uint32_t) const {}
  void Removing(Aggregate&, const ReadingRing&) const {}
  std::size_t Bytes(const Aggregate&) const { return 0; }
};

// Sums with Add and Remove, whose value does not depend on their order.
template <class Sums>
struct SumsKind {
  using Aggregate = Sums;
  static constexpr bool kBeforeCurrent = false;
  explicit SumsKind(const CallConstants&) {}
  void Inserted(Sums& sums, const ReadingRing& ring, std::uint32_t at) const { sums.Add(ring[at]); }
  void Removing(Sums& sums, const ReadingRing& ring) const { sums.Remove(ring[0]); }
  std::size_t Bytes(const Sums&) const { return 0; }

  // use(the sums of ring[0, end)).
  template <class Use>
  static double Over(const Sums& sums, const ReadingRing& ring, std::uint32_t end, Use use) {
    return end == ring.size() ? use(sums) : use(PrefixOf(sums, ring, end));
  }
};

// The values in ascending order.
struct SortedKind {
  using Aggregate = SortedWindow;
  static constexpr bool kBeforeCurrent = false;
  explicit SortedKind(const CallConstants&) {}
  void Inserted(SortedWindow& sorted, const ReadingRing& ring, std::uint32_t at) const {
    sorted.Add(ring[at].x);
  }
  void Removing(SortedWindow& sorted, const ReadingRing& ring) const { sorted.Remove(ring[0].x); }
  std::size_t Bytes(const SortedWindow& sorted) const { return sorted.bytes(); }
  void Prefetch(const SortedWindow& sorted) const { sorted.Prefetch(); }

  // use(the sorted values of ring[0, end)).
  template <class Use>
  static double Over(SortedWindow& sorted, const ReadingRing& ring, std::uint32_t end, Use use) {
    const std::uint32_t later = ring.size() - end;
    if (later == 0) return use(sorted);
    if (later > end / 8) {
      std::vector<double> values(end);
      for (std::uint32_t i = 0; i < end; ++i) values[i] = ring[i].x;
      std::ranges::sort(values);
      return use(values);
    }
    for (std::uint32_t i = end; i < ring.size(); ++i) sorted.Remove(ring[i].x);
    const double value = use(sorted);
    for (std::uint32_t i = end; i < ring.size(); ++i) sorted.Add(ring[i].x);
    return value;
  }
};

// The smallest (largest) reading. Kept are the readings that no later one undercuts, in the order
// of time: the first of them is the extreme, and each reading enters and leaves once.
template <bool kSmallest>
struct ExtremeKind {
  using Aggregate = ReadingRing;
  static constexpr bool kBeforeCurrent = false;
  explicit ExtremeKind(const CallConstants&) {}

  void Inserted(ReadingRing& extremes, const ReadingRing& ring, std::uint32_t at) const {
    const Reading& reading = ring[at];
    if (at + 1 == ring.size()) {
      while (!extremes.empty() && !Beats(extremes.back().x, reading.x)) extremes.PopBack();
      extremes.PushBack(reading);
      return;
    }
    const std::uint32_t place = extremes.UpperBound(reading.t_us);
    if (place < extremes.size() && !Beats(reading.x, extremes[place].x)) return;
    ReadingRing kept;
    for (std::uint32_t i = 0; i < place && Beats(extremes[i].x, reading.x); ++i) {
      kept.PushBack(extremes[i]);
    }
    kept.PushBack(reading);
    for (std::uint32_t i = place; i < extremes.size(); ++i) kept.PushBack(extremes[i]);
    extremes = std::move(kept);
  }
  void Removing(ReadingRing& extremes, const ReadingRing& ring) const {
    const std::int64_t t_us = ring.front().t_us;
    while (!extremes.empty() && extremes.front().t_us <= t_us) extremes.PopFront();
  }
  double Value(const ReadingRing& extremes, const ReadingRing& ring, std::uint32_t end,
               double) const {
    if (end == ring.size()) return extremes.front().x;
    double best = ring[0].x;
    for (std::uint32_t i = 1; i < end; ++i) {
      if (Beats(ring[i].x, best)) best = ring[i].x;
    }
    return best;
  }
  std::size_t Bytes(const ReadingRing& extremes) const { return extremes.bytes(); }

 private:
  static bool Beats(double a, double b) { return kSmallest ? a < b : a > b; }
};

}  // namespace tocsin
