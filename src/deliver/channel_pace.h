#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tocsin {

// When a channel may send: a token bucket (bursts of a sixth of a minute's rate), the pause that
// the service asked for, and a circuit breaker: after kFailures attempts in a row without an
// answer that helps, nothing is sent for 10 s; then one attempt is made as a probe, and each probe
// that fails doubles the time, up to 5 minutes. All times are wall times in microseconds.
//
// Pure. Threads: none but the owner's.
class ChannelPace {
 public:
  static constexpr std::uint32_t kFailures = 5;
  static constexpr std::int64_t kFirstOpenUs = 10'000'000;
  static constexpr std::int64_t kMaxOpenUs = 300'000'000;

  // 0 = no rate limit.
  explicit ChannelPace(std::uint32_t rate_per_minute);

  // The earliest time at which an attempt may start, at most `now_us` when it may at once;
  // INT64_MAX while a probe is under way.
  std::int64_t ReadyUs(std::int64_t now_us) const;
  // The breaker's time is over: the next attempt is a probe.
  bool HalfOpen(std::int64_t now_us) const { return open_for_us_ > 0 && now_us >= open_until_us_; }
  bool closed() const { return open_for_us_ == 0; }

  void Started(std::int64_t now_us);
  // True when this closed an open breaker.
  bool Succeeded();
  void Failed(std::int64_t now_us);
  void NotAttempted() { probing_ = false; }
  void PauseUntil(std::int64_t until_us);
  void SetRate(std::uint32_t rate_per_minute);
  // An open breaker lets its probe go at once: after a start, or when someone asks for it.
  void ProbeNow() { open_until_us_ = 0; }

  std::string_view BreakerName(std::int64_t now_us) const;  // closed, open, half_open
  std::int64_t paused_until_us() const { return paused_until_us_; }
  std::int64_t open_until_us() const { return open_until_us_; }

  // Breaker and pause; the bucket begins full after a restart.
  void EncodeTo(std::string& out) const;
  bool Decode(const char*& at, const char* end);

 private:
  std::uint32_t rate_per_minute_;
  double tokens_;
  std::int64_t refilled_us_ = 0;
  std::uint32_t failures_ = 0;
  std::int64_t open_for_us_ = 0;  // 0 = closed
  std::int64_t open_until_us_ = 0;
  std::int64_t paused_until_us_ = 0;
  bool probing_ = false;
};

}  // namespace tocsin
