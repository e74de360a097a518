#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

#include "functions/function.h"
#include "functions/reading_ring.h"
#include "functions/sample.h"

namespace tocsin {

// What one event does to the window of its device.
struct WindowMove {
  std::byte* slot = nullptr;  // of the device
  ReadingView window;         // before the event
  std::uint32_t leaving = 0;  // so many of its readings leave it
  std::uint32_t row = 0;      // of the result
  bool sample = false;        // the next reading of the ring enters
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

  // Moves the windows of different devices and writes the value at each row. The aggregates lie at
  // `offset` in the slots.
  virtual void Move(std::span<const WindowMove> moves, std::size_t offset,
                    const ResultColumn& result) const = 0;
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

  void Move(std::span<const WindowMove> moves, std::size_t offset,
            const ResultColumn& result) const override {
    for (const WindowMove& move : moves) {
      Aggregate& aggregate = At(move.slot + offset);
      ReadingView window = move.window;
      Leave(aggregate, window, move.leaving);
      double value = kNullNumber;
      if constexpr (Kind::kBeforeCurrent) {
        if (move.sample) value = Value(aggregate, window, NextOf(window).x);
      }
      if (move.sample) {
        window.Grow();
        kind_.Inserted(aggregate, window, window.size() - 1);
      }
      if constexpr (!Kind::kBeforeCurrent) value = Value(aggregate, window, 0);
      result.null[move.row] = std::isnan(value) ? 1 : 0;
      result.number[move.row] = std::isnan(value) ? 0 : value;
    }
  }
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
  // From so many on an empty aggregate is cheaper than to take out each reading.
  static constexpr std::uint32_t kMany = 16;

  static Aggregate& At(std::byte* at) {
    static constinit Aggregate none;
    if constexpr (std::is_empty_v<Aggregate>) return none;
    return *std::launder(reinterpret_cast<Aggregate*>(at));
  }
  static const Aggregate& At(const std::byte* at) { return At(const_cast<std::byte*>(at)); }
  static const Reading& NextOf(ReadingView window) {
    window.Grow();
    return window.back();
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
