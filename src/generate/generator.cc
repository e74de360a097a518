#include "generate/generator.h"

#include <algorithm>
#include <map>
#include <string>

#include "generate/event_line.h"
#include "generate/fault_injector.h"
#include "generate/malformed.h"
#include "generate/sensor_model.h"

namespace tocsin {
namespace {

struct Device {
  SensorState sensor;
  std::int64_t last_us = INT64_MIN;
  std::uint64_t episode = 0;  // 0 = healthy
};

// A line that is put out later than it was made.
struct HeldLine {
  std::int64_t device;
  std::uint64_t episode;
  std::string line;
};

class DeviceGenerator final : public Generator {
 public:
  explicit DeviceGenerator(const GeneratorOptions& options)
      : options_(options),
        model_(options.temperature, options.humidity),
        random_(options.seed),
        faults_(options.faults, options.seed, options.labels),
        temperature_threshold_(ToHundredths(options.temperature_threshold)),
        humidity_threshold_(ToHundredths(options.humidity_threshold)),
        valid_{
            {ToHundredths(options.valid_temperature.low),
             ToHundredths(options.valid_temperature.high)},
            {ToHundredths(options.valid_humidity.low), ToHundredths(options.valid_humidity.high)}} {
    devices_.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, options.devices)));
    for (Device& device : devices_) device.sensor = model_.MakeState(random_);
  }

  Event Next(std::optional<std::int64_t> time_us) override {
    const std::uint64_t call = calls_++;
    if (!held_.empty() && held_.begin()->first <= call) return PutOutHeld();
    Device& device = devices_[turn_];
    const auto index = static_cast<std::int64_t>(turn_);
    NameDevice();
    std::int64_t time = time_us.value_or(options_.start_us +
                                         static_cast<std::int64_t>(call) * options_.interval_us);
    // Two readings of one device at one instant would count as one reading sent twice.
    if (time <= device.last_us) time = device.last_us + 1;
    device.last_us = time;
    std::int64_t values[kReadingCount];
    model_.Read(device.sensor, time / 1'000'000, random_, values);
    if (++turn_ == devices_.size()) turn_ = 0;
    if (faults_.active()) {
      if (device.episode == 0) device.episode = faults_.Begin(index, model_, values);
      if (device.episode != 0) return PutOutFaulty(device, index, time, values, call);
    }
    return {Id(), Line(time, values), sequence_++};
  }

  std::vector<std::string> TakeLabels(bool all) override { return faults_.TakeLabels(all); }

 private:
  struct Limits {
    std::int64_t low;
    std::int64_t high;
  };

  std::string_view Id() const { return {id_, id_size_}; }

  // Sets Id() to "dev_N" of the device whose turn it is, by counting the last digits up.
  void NameDevice() {
    if (turn_ == 0) {
      SetId(0);
      return;
    }
    std::size_t at = id_size_ - 1;
    while (id_[at] == '9') id_[at--] = '0';
    if (id_[at] == '_') {
      SetId(static_cast<std::int64_t>(turn_));
    } else {
      ++id_[at];
    }
  }
  void SetId(std::int64_t index) {
    const std::string id = "dev_" + std::to_string(index + 1);
    id_size_ = id.copy(id_, sizeof id_);
  }

  std::string_view Line(std::int64_t time, const std::int64_t (&values)[kReadingCount]) {
    const bool alert = values[0] >= temperature_threshold_ || values[1] <= humidity_threshold_;
    return writer_.Write(Id(), time, values[0], values[1], alert);
  }

  Event PutOutHeld() {
    const auto first = held_.begin();
    const HeldLine held = std::move(first->second);
    held_.erase(first);
    held_line_ = held.line;
    held_id_ = "dev_" + std::to_string(held.device + 1);
    Episode& episode = faults_.Get(held.episode);
    faults_.Emitted(episode, sequence_);
    --episode.undelivered;
    faults_.CloseIfDone(held.episode);
    return {held_id_, held_line_, sequence_++};
  }

  Event PutOutFaulty(Device& device, std::int64_t index, std::int64_t time,
                     std::int64_t (&values)[kReadingCount], std::uint64_t call) {
    const std::uint64_t id = device.episode;
    Episode& episode = faults_.Get(id);
    Distort(episode, values);
    std::int64_t written_time = time;
    if (episode.fault == Fault::kClockSkew) written_time += episode.delta;
    spoiled_ = Line(written_time, values);
    if (episode.fault == Fault::kMalformed) {
      const auto kind = static_cast<MalformedKind>(faults_.random().NextBelow(kMalformedKindCount));
      MakeMalformed(kind, faults_.random(), spoiled_);
    }
    const bool repeated = episode.fault == Fault::kDuplicate;
    const bool silent = episode.fault == Fault::kOffline || episode.fault == Fault::kLate;
    if (repeated || episode.fault == Fault::kLate) {
      held_.emplace(call + episode.delay, HeldLine{index, id, spoiled_});
      ++episode.undelivered;
    }
    if (!silent && !repeated) faults_.Emitted(episode, sequence_);
    if (faults_.Touch(episode, time)) device.episode = 0;
    faults_.CloseIfDone(id);
    if (silent) return {Id(), {}, 0};
    return {Id(), spoiled_, sequence_++};
  }

  void Distort(const Episode& episode, std::int64_t (&values)[kReadingCount]) const {
    const auto i = static_cast<std::size_t>(episode.reading);
    switch (episode.fault) {
      case Fault::kSpike:
        values[i] += episode.delta;
        break;
      case Fault::kStuck:
        values[i] = episode.delta;
        break;
      case Fault::kDrift:
        values[i] += episode.delta * (episode.done + 1) / episode.total;
        break;
      default:
        return;
    }
    values[i] = std::clamp(values[i], std::min(valid_[i].low, valid_[i].high), valid_[i].high);
  }

  GeneratorOptions options_;
  SensorModel model_;
  SeededRandom random_;
  FaultInjector faults_;
  EventLineWriter writer_;
  std::int64_t temperature_threshold_;
  std::int64_t humidity_threshold_;
  Limits valid_[kReadingCount];
  std::vector<Device> devices_;
  std::size_t turn_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t sequence_ = 0;
  char id_[EventLineWriter::kMaxDeviceId];
  std::size_t id_size_ = 0;
  std::multimap<std::uint64_t, HeldLine> held_;
  std::string spoiled_;
  std::string held_line_;
  std::string held_id_;
};

}  // namespace

std::unique_ptr<Generator> Generator::Make(const GeneratorOptions& options) {
  return std::make_unique<DeviceGenerator>(options);
}

}  // namespace tocsin
