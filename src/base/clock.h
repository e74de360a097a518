#pragma once

#include <atomic>
#include <cstdint>

namespace tocsin {

// The machine's clocks. Nothing else in the program reads them, so that tests and replays set
// the time. Event times come from the devices and are never taken from here.
//
// Threads: every method may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since 1970-01-01T00:00:00Z; may step. For stamps and display.
  virtual std::int64_t WallUs() const = 0;
  // Microseconds from an arbitrary origin; never goes back. For timeouts and rates.
  virtual std::int64_t SteadyUs() const = 0;
};

class SystemClock final : public Clock {
 public:
  std::int64_t WallUs() const override;
  std::int64_t SteadyUs() const override;
};

// A clock that stands until it is told to move. Both clocks move together.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t wall_us = 0) : now_us_(wall_us) {}
  std::int64_t WallUs() const override { return now_us_.load(); }
  std::int64_t SteadyUs() const override { return now_us_.load(); }
  void Set(std::int64_t wall_us) { now_us_.store(wall_us); }
  void Advance(std::int64_t by_us) { now_us_.fetch_add(by_us); }

 private:
  std::atomic<std::int64_t> now_us_;
};

}  // namespace tocsin
