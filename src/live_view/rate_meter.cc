#include "live_view/rate_meter.h"

#include <algorithm>

namespace tocsin {

RateMeter::RateMeter(Log& log, const Clock& clock, const Settings& settings)
    : log_(log),
      clock_(clock),
      topics_{settings.raw_topic, settings.processed_topic, settings.alert_topic,
              settings.dlq_topic} {}

Status RateMeter::Measure() {
  LiveFigures figures;
  Sample sample{.at_us = clock_.SteadyUs()};
  for (std::size_t i = 0; i < LiveFigures::kTopics; ++i) {
    TopicSize& size = figures.topics[i];
    size.topic = topics_[i];
    TOCSIN_ASSIGN(size.partitions, PartitionCount(log_, topics_[i]));
    for (std::int32_t p = 0; p < size.partitions; ++p) {
      TOCSIN_ASSIGN(const PartitionOffsets offsets, log_.Offsets({topics_[i], p}));
      size.records += offsets.latest - offsets.earliest;
      size.end += offsets.latest;
      size.bytes = offsets.bytes < 0 || size.bytes < 0 ? -1 : size.bytes + offsets.bytes;
    }
    sample.ends[i] = size.end;
  }
  const std::lock_guard lock(mutex_);
  samples_.push_back(sample);
  if (samples_.size() > kWindow + 1) samples_.pop_front();
  const Sample& first = samples_.front();
  for (std::size_t i = 0; i < LiveFigures::kTopics && sample.at_us > first.at_us; ++i) {
    figures.per_second[i] = static_cast<double>(sample.ends[i] - first.ends[i]) * 1e6 /
                            static_cast<double>(sample.at_us - first.at_us);
  }
  latest_ = figures;
  return {};
}

LiveFigures RateMeter::Latest() {
  const std::lock_guard lock(mutex_);
  return latest_;
}

}  // namespace tocsin
