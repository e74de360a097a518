#include "deliver/channel_counters.h"

namespace tocsin {

void ChannelCounters::Attempted(std::string_view kind, SendResult::Outcome outcome,
                                std::int64_t took_us) {
  const std::size_t index = ChannelKindIndex(kind);
  metrics_.Add(Metric::kChannelAttempts, 1,
               PairIndex(Metric::kChannelAttempts, index, static_cast<std::size_t>(outcome)));
  metrics_.Add(Metric::kChannelAttemptMicroseconds, static_cast<std::uint64_t>(took_us), index);
}

void ChannelCounters::Ended(std::string_view kind, ChannelResult result, std::int64_t waited_us) {
  const std::size_t index = ChannelKindIndex(kind);
  metrics_.Add(Metric::kChannelDeliveries, 1,
               PairIndex(Metric::kChannelDeliveries, index, static_cast<std::size_t>(result)));
  // The wall clock may have been set back meanwhile.
  if (result == ChannelResult::kDone && waited_us > 0) {
    metrics_.Add(Metric::kChannelDeliveryMicroseconds, static_cast<std::uint64_t>(waited_us),
                 index);
  }
}

void ChannelCounters::Channel(std::string_view kind, std::uint64_t queued, bool breaker_open,
                              bool disabled) {
  const std::size_t index = ChannelKindIndex(kind);
  if (index >= sums_.size()) return;
  sums_[index].queued += static_cast<std::int64_t>(queued);
  sums_[index].open += breaker_open ? 1 : 0;
  sums_[index].disabled += disabled ? 1 : 0;
}

void ChannelCounters::EndGauges() {
  for (std::size_t index = 0; index < sums_.size(); ++index) {
    metrics_.Set(Metric::kChannelQueued, sums_[index].queued, index);
    metrics_.Set(Metric::kChannelBreakersOpen, sums_[index].open, index);
    metrics_.Set(Metric::kChannelsDisabled, sums_[index].disabled, index);
  }
}

}  // namespace tocsin
