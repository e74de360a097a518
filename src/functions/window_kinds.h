#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "functions/exact_sum.h"
#include "functions/extreme_queue.h"
#include "functions/order_statistics.h"
#include "functions/shared_windows.h"
#include "functions/sorted_window.h"
#include "functions/window_function.h"

// What the functions over windows have in common, by what they keep besides the readings
// (WindowFunctionOf says what each member is for).
namespace tocsin {

// FunctionSpec::window.
template <class Kind>
std::unique_ptr<WindowFunction> MakeWindow(const CallConstants& constants) {
  return std::make_unique<WindowFunctionOf<Kind>>(constants);
}

// FunctionSpec::make, for a call that shares its readings with no other.
inline std::unique_ptr<FunctionState> MakeAlone(const FunctionSpec& spec,
                                                const CallConstants& constants) {
  std::vector<WindowArgument> arguments(1);
  arguments[0].samples = SamplesOf(spec);
  arguments[0].calls.push_back(MakeWindowCall(spec, constants));
  return std::make_unique<SharedWindows>(std::move(arguments));
}

// Nothing is kept: the value comes from the first and the last reading, or their number.
struct EndsKind {
  struct Aggregate {};
  static constexpr bool kBeforeCurrent = false;
  explicit EndsKind(const CallConstants&) {}
  void Inserted(Aggregate&, const ReadingView&, std::uint32_t) const {}
  void Removing(Aggregate&, const ReadingView&) const {}
  std::size_t Bytes(const Aggregate&) const { return 0; }
};

// Sums with Add and Remove, whose value does not depend on their order.
template <class Sums>
struct SumsKind {
  using Aggregate = Sums;
  static constexpr bool kBeforeCurrent = false;
  explicit SumsKind(const CallConstants&) {}
  void Inserted(Sums& sums, const ReadingView& window, std::uint32_t at) const {
    sums.Add(window[at]);
  }
  void Removing(Sums& sums, const ReadingView& window) const { sums.Remove(window.front()); }
  void SlideNear(Sums& sums, Int128 entered, Int128 left) const { sums.SlideNear(entered, left); }
  bool AllNear(const Sums& sums) const { return sums.all_near(); }
  std::size_t Bytes(const Sums& sums) const { return sums.bytes(); }
};

// The values in ascending order.
struct SortedKind {
  using Aggregate = SortedWindow;
  static constexpr bool kBeforeCurrent = false;
  explicit SortedKind(const CallConstants&) {}
  void Inserted(SortedWindow& sorted, const ReadingView& window, std::uint32_t at) const {
    sorted.Add(window[at].x);
  }
  void Removing(SortedWindow& sorted, const ReadingView& window) const {
    sorted.Remove(window.front().x);
  }
  std::size_t Bytes(const SortedWindow& sorted) const { return sorted.bytes(); }
  void Prefetch(const SortedWindow& sorted) const { sorted.Prefetch(); }
};

// The smallest (largest) reading. Kept are the readings that no later one undercuts, in the order
// of time: the first of them is the extreme, and each reading enters and leaves once.
template <bool kSmallest>
struct ExtremeKind {
  using Aggregate = ExtremeQueue;
  static constexpr bool kBeforeCurrent = false;
  explicit ExtremeKind(const CallConstants&) {}

  void Inserted(ExtremeQueue& extremes, const ReadingView& window, std::uint32_t at) const {
    const Reading reading = window[at];
    if (at + 1 < window.size()) return InsertedBetween(extremes, reading);
    PutIn(extremes, reading);
  }
  void Removing(ExtremeQueue& extremes, const ReadingView& window) const {
    TakeOut(extremes, window.front().t_us);
  }
  void Slide(ExtremeQueue& extremes, const Reading& left, const Reading& entered) const {
    TakeOut(extremes, left.t_us);
    PutIn(extremes, entered);
  }
  double Value(const ExtremeQueue& extremes, const ReadingView&, double) const {
    return extremes.front().x;
  }
  std::size_t Bytes(const ExtremeQueue& extremes) const { return extremes.bytes(); }
  void Prefetch(const ExtremeQueue& extremes) const { extremes.Prefetch(); }

 private:
  static bool Beats(double a, double b) { return kSmallest ? a < b : a > b; }
  static void PutIn(ExtremeQueue& extremes, const Reading& reading) {
    while (!extremes.empty() && !Beats(extremes.back().x, reading.x)) extremes.PopBack();
    extremes.PushBack(reading);
  }
  static void TakeOut(ExtremeQueue& extremes, std::int64_t t_us) {
    while (!extremes.empty() && extremes.front().t_us <= t_us) extremes.PopFront();
  }

  [[gnu::noinline]] static void InsertedBetween(ExtremeQueue& extremes, const Reading& reading) {
    std::uint32_t place = 0;
    while (place < extremes.size() && extremes[place].t_us <= reading.t_us) ++place;
    if (place < extremes.size() && !Beats(reading.x, extremes[place].x)) return;
    ExtremeQueue kept;
    for (std::uint32_t i = 0; i < place && Beats(extremes[i].x, reading.x); ++i) {
      kept.PushBack(extremes[i]);
    }
    kept.PushBack(reading);
    for (std::uint32_t i = place; i < extremes.size(); ++i) kept.PushBack(extremes[i]);
    extremes = std::move(kept);
  }
};

}  // namespace tocsin
