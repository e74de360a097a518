#include "deliver/channel_pace.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/bytes.h"

namespace tocsin {
namespace {

double Burst(std::uint32_t rate_per_minute) {
  return std::max(1.0, rate_per_minute / 6.0);
}

double Refilled(double tokens, std::uint32_t rate_per_minute, std::int64_t passed_us) {
  const double added =
      static_cast<double>(std::max<std::int64_t>(0, passed_us)) * rate_per_minute / 60e6;
  return std::min(Burst(rate_per_minute), tokens + added);
}

}  // namespace

ChannelPace::ChannelPace(std::uint32_t rate_per_minute)
    : rate_per_minute_(rate_per_minute), tokens_(Burst(rate_per_minute)) {}

std::int64_t ChannelPace::ReadyUs(std::int64_t now_us) const {
  if (probing_) return std::numeric_limits<std::int64_t>::max();
  std::int64_t ready_us = std::max(paused_until_us_, open_for_us_ > 0 ? open_until_us_ : 0);
  if (rate_per_minute_ > 0) {
    const double tokens = Refilled(tokens_, rate_per_minute_, now_us - refilled_us_);
    if (tokens < 1) {
      const double missing_us = (1 - tokens) * 60e6 / rate_per_minute_;
      ready_us = std::max(ready_us, now_us + static_cast<std::int64_t>(std::ceil(missing_us)));
    }
  }
  return ready_us;
}

void ChannelPace::Started(std::int64_t now_us) {
  tokens_ = std::max(0.0, Refilled(tokens_, rate_per_minute_, now_us - refilled_us_) - 1);
  refilled_us_ = now_us;
  if (HalfOpen(now_us)) probing_ = true;
}

bool ChannelPace::Succeeded() {
  probing_ = false;
  failures_ = 0;
  return std::exchange(open_for_us_, 0) > 0;
}

void ChannelPace::Failed(std::int64_t now_us) {
  // Attempts that were under way when the breaker opened say nothing new.
  if (open_for_us_ > 0 && !probing_) return;
  const bool was_probe = std::exchange(probing_, false);
  if (++failures_ < kFailures && !was_probe) return;
  open_for_us_ = open_for_us_ == 0 ? kFirstOpenUs : std::min(open_for_us_ * 2, kMaxOpenUs);
  open_until_us_ = now_us + open_for_us_;
}

void ChannelPace::PauseUntil(std::int64_t until_us) {
  paused_until_us_ = std::max(paused_until_us_, until_us);
}

void ChannelPace::SetRate(std::uint32_t rate_per_minute) {
  if (rate_per_minute == rate_per_minute_) return;
  rate_per_minute_ = rate_per_minute;
  tokens_ = Burst(rate_per_minute);
}

std::string_view ChannelPace::BreakerName(std::int64_t now_us) const {
  if (closed()) return "closed";
  return HalfOpen(now_us) ? "half_open" : "open";
}

void ChannelPace::EncodeTo(std::string& out) const {
  PutVarint(out, failures_);
  PutVarint(out, static_cast<std::uint64_t>(open_for_us_));
  PutVarint(out, static_cast<std::uint64_t>(open_until_us_));
  PutVarint(out, static_cast<std::uint64_t>(paused_until_us_));
}

bool ChannelPace::Decode(const char*& at, const char* end) {
  std::uint64_t values[4];
  for (std::uint64_t& value : values) {
    at = ReadVarint(at, end, value);
    if (at == nullptr) return false;
  }
  failures_ = static_cast<std::uint32_t>(values[0]);
  open_for_us_ = std::clamp<std::int64_t>(static_cast<std::int64_t>(values[1]), 0, kMaxOpenUs);
  open_until_us_ = static_cast<std::int64_t>(values[2]);
  paused_until_us_ = static_cast<std::int64_t>(values[3]);
  return true;
}

}  // namespace tocsin
