#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "functions/function.h"
#include "functions/near_sum.h"
#include "functions/reading_ring.h"
#include "functions/sample.h"
#include "functions/window_slot.h"

namespace tocsin {

// What one event does to the window of its device.
struct WindowMove {
  WindowSlot* slot = nullptr;        // the aggregates lie behind it
  const RowWord* oldest = nullptr;   // row of the first reading of the window, if there is one
  const RowWord* entered = nullptr;  // the newest row of the ring, which enters; nullptr = none
  std::uint32_t size = 0;            // of the window before the event
  std::uint32_t leaving = 0;         // so many of its readings leave it
  std::uint32_t row = 0;             // of the result

  std::uint32_t entering() const { return entered != nullptr ? 1 : 0; }
  // As most do: one reading enters, one leaves.
  bool slides() const { return leaving == 1 && entered != nullptr; }
  std::uint32_t size_after() const { return size + entering() - leaving; }
  // Before the event.
  ReadingView Window(std::uint32_t argument) const {
    return slot->ring.Newest(size, entering()).Of(argument);
  }
};

// The readings that enter and leave in a block of moves, for sums. A reading that is not there is
// 0.
struct NearMoves {
  const NearColumn& entered;
  const NearColumn& left;

  // False when more than one reading leaves, or one is not near.
  bool Has(const WindowMove& move, std::size_t i) const {
    return move.leaving <= 1 && (entered.far[i] | left.far[i]) == 0;
  }
};

// One function over sliding windows, as SharedWindows runs it: what it keeps of each device besides
// the readings (its aggregate, which lies in a slot of the owner) and the value it makes of them.
class WindowFunction {
 public:
  // Aggregates are aligned to no more than this.
  static constexpr std::size_t kAlignment = 16;

  virtual ~WindowFunction() = default;

  virtual std::size_t aggregate_size() const = 0;
  // An aggregate of no reading.
  virtual void Construct(std::byte* aggregate) const = 0;
  virtual void Destroy(std::byte* aggregate) const = 0;

  // Moves the windows of different devices, as readings of `argument`, and writes the value at each
  // row. The aggregates lie at `offset` in the slots. `near`: of these moves, or nullptr.
  virtual void Move(std::span<const WindowMove> moves, const NearMoves* near,
                    std::uint32_t argument, std::size_t offset,
                    const ResultColumn& result) const = 0;
  virtual bool wants_near() const = 0;  // is faster with NearMoves
  // window[at] was put in.
  virtual void Inserted(std::byte* aggregate, const ReadingView& window,
                        std::uint32_t at) const = 0;
  // The value at an event whose window is `readings` and, with `sample`, the reading behind them.
  virtual double ValueOf(ReadingView readings, bool sample) const = 0;

  virtual bool prefetches() const { return false; }
  virtual void Prefetch(const std::byte* aggregate) const = 0;
  virtual std::size_t Bytes(const std::byte* aggregate) const = 0;  // besides the aggregate
};

// Kind says what the function makes of the readings:
//   struct Aggregate        what is kept besides the readings; default: of no reading
//   kBeforeCurrent          true: the value is of the readings before the current one and needs it
//   Inserted(aggregate, window, at)   window[at] was put in
//   Removing(aggregate, window)       window[0] is about to go; all readings of its time go with it
//   Value(aggregate, window, x)       window is not empty, x = the current value; NaN = null
//   Bytes(aggregate)                  memory besides sizeof
// and, to be faster where it can:
//   Slide(aggregate, left, entered)   the reading `left` goes, the last of its time, and `entered`
//                                     is put in as the newest; Value does not look at the window
//   Slide(aggregate, move, argument)  the same by the move
// or, where the readings are near (near_sum.h):
//   SlideNear(aggregate, entered, left)   the same in units
//   AllNear(aggregate)                so are all readings of the window
//   NearValue(aggregate, n)           then: the value of the n readings, which are some
template <class Kind>
class WindowFunctionOf final : public WindowFunction {
 public:
  explicit WindowFunctionOf(const CallConstants& constants)
      : kind_(constants), min_samples_(constants.min_samples) {}

  std::size_t aggregate_size() const override {
    static_assert(alignof(Aggregate) <= kAlignment);
    return std::is_empty_v<Aggregate> ? 0 : sizeof(Aggregate);
  }
  void Construct(std::byte* aggregate) const override {
    if constexpr (!std::is_empty_v<Aggregate>) new (aggregate) Aggregate();
  }
  void Destroy(std::byte* aggregate) const override {
    if constexpr (!std::is_empty_v<Aggregate>) std::destroy_at(&At(aggregate));
  }

  void Move(std::span<const WindowMove> moves, const NearMoves* near, std::uint32_t argument,
            std::size_t offset, const ResultColumn& result) const override {
    double* const number = result.number.data();
    std::uint8_t* const null = result.null.data();
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const WindowMove& move = moves[i];
      Aggregate& aggregate = At(reinterpret_cast<std::byte*>(move.slot) + offset);
      double value = kNullNumber;
      if constexpr (kOfNear) {
        value = near != nullptr && near->Has(move, i) && kind_.AllNear(aggregate)
                    ? SlideNear(aggregate, *near, i, move.size_after())
                    : MoveRest(aggregate, move, argument);
      } else if constexpr (kSlides || kSlidesByMove) {
        value =
            move.slides() ? Slide(aggregate, move, argument) : MoveRest(aggregate, move, argument);
      } else {
        value = MoveAny(aggregate, move, argument);
      }
      null[move.row] = std::isnan(value) ? 1 : 0;
      number[move.row] = std::isnan(value) ? 0 : value;
    }
  }
  bool wants_near() const override { return kOfNear; }
  void Inserted(std::byte* aggregate, const ReadingView& window, std::uint32_t at) const override {
    kind_.Inserted(At(aggregate), window, at);
  }
  double ValueOf(ReadingView readings, bool sample) const override {
    if (Kind::kBeforeCurrent && !sample) return kNullNumber;
    const double x = sample ? NextOf(readings).x : 0;
    if (!Kind::kBeforeCurrent && sample) readings.Grow();
    Aggregate aggregate;
    ReadingView window = readings.EmptyAt(0);
    for (std::uint32_t i = 0; i < readings.size(); ++i) {
      window.Grow();
      kind_.Inserted(aggregate, window, i);
    }
    return Value(aggregate, window, x);
  }

  bool prefetches() const override { return kPrefetches; }
  void Prefetch(const std::byte* aggregate) const override {
    if constexpr (kPrefetches) kind_.Prefetch(At(aggregate));
  }
  std::size_t Bytes(const std::byte* aggregate) const override {
    return kind_.Bytes(At(aggregate));
  }

 private:
  using Aggregate = typename Kind::Aggregate;
  static constexpr bool kPrefetches = requires(const Kind& k, Aggregate& a) { k.Prefetch(a); };
  static constexpr bool kSlides =
      requires(const Kind& k, Aggregate& a, const Reading& r) { k.Slide(a, r, r); };
  static constexpr bool kSlidesByMove =
      requires(const Kind& k, Aggregate& a, const WindowMove& m) { k.Slide(a, m, 0u); };
  static constexpr bool kOfNear =
      requires(const Kind& k, const Aggregate& a) { k.NearValue(a, 1u); };
  // From so many on an empty aggregate is cheaper than to take out each reading.
  static constexpr std::uint32_t kMany = 16;

  static Aggregate& At(std::byte* at) {
    if constexpr (std::is_empty_v<Aggregate>) {
      static constinit Aggregate none;
      return none;
    } else {
      return *std::launder(reinterpret_cast<Aggregate*>(at));
    }
  }
  static const Aggregate& At(const std::byte* at) { return At(const_cast<std::byte*>(at)); }
  static Reading NextOf(ReadingView window) {
    window.Grow();
    return window.back();
  }

  double SlideNear(Aggregate& aggregate, const NearMoves& near, std::size_t i,
                   std::uint32_t size) const {
    kind_.SlideNear(aggregate, near.entered.At(i), near.left.At(i));
    return size < min_samples_ || size == 0 ? kNullNumber : kind_.NearValue(aggregate, size);
  }
  double Slide(Aggregate& aggregate, const WindowMove& move, std::uint32_t argument) const {
    if constexpr (kSlides) {
      kind_.Slide(aggregate, ReadingOf(move.oldest, argument), ReadingOf(move.entered, argument));
    } else {
      kind_.Slide(aggregate, move, argument);
    }
    return move.size < min_samples_ ? kNullNumber : kind_.Value(aggregate, {}, 0);
  }
  // Out of the way of the loop, which needs the registers.
  [[gnu::noinline]] double MoveRest(Aggregate& aggregate, const WindowMove& move,
                                    std::uint32_t argument) const {
    return MoveAny(aggregate, move, argument);
  }
  double MoveAny(Aggregate& aggregate, const WindowMove& move, std::uint32_t argument) const {
    ReadingView window = move.Window(argument);
    Leave(aggregate, window, move.leaving);
    double value = kNullNumber;
    if constexpr (Kind::kBeforeCurrent) {
      if (move.entered != nullptr) value = Value(aggregate, window, NextOf(window).x);
    }
    if (move.entered != nullptr) {
      window.Grow();
      kind_.Inserted(aggregate, window, window.size() - 1);
    }
    if constexpr (!Kind::kBeforeCurrent) value = Value(aggregate, window, 0);
    return value;
  }
  void Leave(Aggregate& aggregate, ReadingView& window, std::uint32_t leaving) const {
    if (leaving == window.size() && leaving >= kMany) {
      aggregate = Aggregate();
      window = window.EmptyAt(leaving);
      return;
    }
    for (std::uint32_t i = 0; i < leaving; ++i) {
      kind_.Removing(aggregate, window);
      window.PopFront();
    }
  }
  double Value(const Aggregate& aggregate, const ReadingView& window, double x) const {
    if (window.size() < min_samples_ || window.empty()) return kNullNumber;
    return kind_.Value(aggregate, window, x);
  }

  Kind kind_;
  std::uint32_t min_samples_;
};

}  // namespace tocsin
