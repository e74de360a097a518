#include "generate/fault_injector.h"

#include <cmath>
#include <utility>

#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

struct Length {
  std::int64_t shortest;
  std::int64_t longest;
};
// In the order of Fault; documented there.
constexpr Length kLengths[kFaultCount] = {{1, 3}, {20, 120}, {50, 200}, {20, 100},
                                          {1, 1}, {1, 10},   {1, 3},    {20, 100}};
constexpr std::uint64_t kFaultStream =
    0x66'61'75'6c'74'73;  // sets the seed apart from the signal's
constexpr std::uint64_t kMinuteUs = 60'000'000;

std::int64_t Between(SeededRandom& random, std::int64_t low, std::int64_t high) {
  return low +
         static_cast<std::int64_t>(random.NextBelow(static_cast<std::uint64_t>(high - low) + 1));
}

std::string LabelLine(const Episode& episode) {
  std::string line = "{\"device_id\":\"dev_" + std::to_string(episode.device + 1) +
                     "\",\"fault\":\"" + std::string(FaultName(episode.fault)) + "\",\"metric\":";
  switch (episode.fault) {
    case Fault::kSpike:
    case Fault::kStuck:
    case Fault::kDrift:
      line += episode.reading == Reading::kTemperature ? "\"temperature\"" : "\"humidity\"";
      break;
    default:
      line += "null";
  }
  line += ",\"start\":\"" + FormatTime(episode.start_us) + "\",\"end\":\"" +
          FormatTime(episode.end_us) + "\",\"events\":[";
  for (std::size_t i = 0; i < episode.events.size(); ++i) {
    if (i > 0) line += ',';
    line += std::to_string(episode.events[i]);
  }
  return line + "]}";
}

}  // namespace

FaultInjector::FaultInjector(const FaultRates& rates, std::uint64_t seed, bool labels)
    : labels_(labels), random_(seed ^ kFaultStream) {
  for (std::size_t i = 0; i < kFaultCount; ++i) {
    // 53 bits of the draw are compared: enough for any rate that can be observed.
    thresholds_[i] = static_cast<std::uint64_t>(std::llround(rates.rate[i] * 0x1.0p53));
    active_ = active_ || thresholds_[i] > 0;
  }
}

std::uint64_t FaultInjector::Begin(std::int64_t device, const SensorModel& model,
                                   const std::int64_t (&values)[kReadingCount]) {
  std::size_t fault = 0;
  for (; fault < kFaultCount; ++fault) {
    if (thresholds_[fault] > 0 && random_.Next() >> 11 < thresholds_[fault]) break;
  }
  if (fault == kFaultCount) return 0;
  Episode& episode = open_[next_id_];
  episode.fault = static_cast<Fault>(fault);
  episode.device = device;
  episode.total = Between(random_, kLengths[fault].shortest, kLengths[fault].longest);
  Shape(episode, model, values);
  return next_id_++;
}

void FaultInjector::Shape(Episode& episode, const SensorModel& model,
                          const std::int64_t (&values)[kReadingCount]) {
  episode.reading = static_cast<Reading>(random_.NextBelow(kReadingCount));
  const std::int64_t span = model.Span(episode.reading);
  const std::int64_t sign = random_.Next() & 1 ? 1 : -1;
  switch (episode.fault) {
    case Fault::kSpike:
      episode.delta = sign * Between(random_, span / 2, span);
      break;
    case Fault::kStuck:
      episode.delta = values[static_cast<std::size_t>(episode.reading)];
      break;
    case Fault::kDrift:
      episode.delta = sign * Between(random_, span * 3 / 10, span * 8 / 10);
      break;
    case Fault::kDuplicate:
      episode.delay = 1 + random_.NextBelow(20);
      break;
    case Fault::kLate:
      episode.delay = 50 + random_.NextBelow(451);
      break;
    case Fault::kClockSkew:
      episode.delta = sign * Between(random_, 10 * kMinuteUs, 360 * kMinuteUs);
      break;
    case Fault::kOffline:
    case Fault::kMalformed:
      break;
  }
}

bool FaultInjector::Touch(Episode& episode, std::int64_t time_us) {
  if (episode.done == 0) episode.start_us = time_us;
  episode.end_us = time_us;
  return ++episode.done >= episode.total;
}

void FaultInjector::Emitted(Episode& episode, std::uint64_t sequence) {
  if (labels_) episode.events.push_back(sequence);
}

void FaultInjector::CloseIfDone(std::uint64_t id) {
  const auto found = open_.find(id);
  const Episode& episode = found->second;
  if (episode.done < episode.total || episode.undelivered > 0) return;
  if (labels_) ended_.push_back(LabelLine(episode));
  open_.erase(found);
}

std::vector<std::string> FaultInjector::TakeLabels(bool all) {
  std::vector<std::string> lines = std::exchange(ended_, {});
  if (!all || !labels_) return lines;
  for (const auto& [id, episode] : open_) lines.push_back(LabelLine(episode));
  labels_ = false;  // each episode is told once, though the open ones go on
  return lines;
}

}  // namespace tocsin
