#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "channels/channel.h"
#include "metrics/metrics.h"

namespace tocsin {

// The counters and gauges by kind of channel. A kind that has no label (of a test) counts nowhere.
//
// Threads: none but the owner's.
class ChannelCounters {
 public:
  explicit ChannelCounters(Metrics& metrics) : metrics_(metrics) {}

  void Attempted(std::string_view kind, SendResult::Outcome outcome, std::int64_t took_us);
  // `waited_us` since it was queued; counted when it is done.
  void Ended(std::string_view kind, ChannelResult result, std::int64_t waited_us);

  // The gauges: BeginGauges, Channel for every configured one, EndGauges.
  void BeginGauges() { sums_ = {}; }
  void Channel(std::string_view kind, std::uint64_t queued, bool breaker_open, bool disabled);
  void EndGauges();

 private:
  static constexpr std::size_t kMaxKinds = 32;
  struct Sums {
    std::int64_t queued = 0, open = 0, disabled = 0;
  };

  Metrics& metrics_;
  std::array<Sums, kMaxKinds> sums_{};
};

}  // namespace tocsin
