#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "model/device_dictionary.h"
#include "process/recent_times.h"
#include "rule/alert_lifecycle.h"
#include "rule/threshold_rules.h"
#include "stage/collector.h"
#include "stage/stage.h"

namespace tocsin {

// What the stream processor knows of the devices of one partition, by dense device code. The
// stored form: docs/formats/keyed_state.md.
//
// Threads: none but the owner's.
class PartitionState {
 public:
  static constexpr std::int64_t kNoClock = std::numeric_limits<std::int64_t>::min();

  struct Device {
    std::int64_t clock_us = kNoClock;  // T: the largest event time seen
    std::uint64_t instances = 0;       // bit r: rule r has an instance here
  };

  // `rules` must outlive the state. `dedup_window_us` 0 = off.
  PartitionState(const RuleSet& rules, std::int64_t dedup_window_us);

  // Loads what is stored. kDataLoss for an entry that cannot be read.
  Status Restore(const Stage::StateReader& read_state);
  // Puts what changed since the last Flush, or everything when the collector wants a snapshot.
  void Flush(std::int32_t partition, Collector& collector);

  // The code of a device, a new one when it was never seen.
  std::uint32_t Code(std::string_view device_id) {
    const std::uint32_t code = dictionary_.Encode(device_id);
    if (code == devices_.size()) AddDevice();
    return code;
  }
  const Device& device(std::uint32_t code) const { return devices_[code]; }
  void SetClock(std::uint32_t code, std::int64_t clock_us) {
    devices_[code].clock_us = clock_us;
    Touch(code);
  }

  // The instance of a rule at a device; made when there is none. Valid until the next call.
  AlertInstance& Instance(std::uint32_t code, unsigned rule);
  void RemoveInstance(std::uint32_t code, unsigned rule);
  std::int64_t firing() const;  // instances that fire (or recover)

  // Dedup. A time is remembered until the device's clock passes it by more than the window.
  bool IsRepeat(std::uint32_t code, std::int64_t time_us) const {
    return recent_[code].Contains(time_us);
  }
  // To be called after SetClock.
  void Remember(std::uint32_t code, std::int64_t time_us);

 private:
  void AddDevice();
  void Touch(std::uint32_t code) {
    if (dirty_[code] != 0) return;
    dirty_[code] = 1;
    dirty_codes_.push_back(code);
  }
  static std::uint64_t InstanceKey(std::uint32_t code, unsigned rule) {
    return std::uint64_t{code} * RuleSet::kMaxRules + rule;
  }
  Status RestoreDevice(std::string_view device_id, std::string_view value);
  bool RestoreInstance(std::uint32_t code, const char*& at, const char* end);
  Status RestoreTimes(std::string_view device_id, std::string_view value);
  void PutDevice(std::int32_t partition, std::uint32_t code, Collector& collector);
  void PutBucket(std::int32_t partition, std::uint32_t code, std::int64_t bucket,
                 Collector& collector);
  void PutEverything(std::int32_t partition, Collector& collector);

  const RuleSet& rules_;
  const std::int64_t dedup_window_us_;
  const std::int64_t bucket_us_;
  DeviceDictionary dictionary_;
  std::vector<Device> devices_;
  std::unordered_map<std::uint64_t, AlertInstance> instances_;  // few: those of active devices
  std::vector<RecentTimes> recent_;                             // empty when dedup is off

  std::vector<std::uint8_t> dirty_;  // by device code
  std::vector<std::uint32_t> dirty_codes_;
  std::vector<std::pair<std::uint32_t, std::int64_t>> dirty_buckets_;
  std::vector<std::int64_t> emptied_;
  bool stored_otherwise_ = false;  // what is stored has another form than what Flush writes
  std::string key_;
  std::string value_;
};

}  // namespace tocsin
