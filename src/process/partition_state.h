#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "fleet/fleet_liveness.h"
#include "model/device_dictionary.h"
#include "process/instance_table.h"
#include "process/recent_times.h"
#include "rule/alert_lifecycle.h"
#include "rule/rule_memory.h"
#include "rule/rule_set.h"
#include "stage/collector.h"
#include "stage/stage.h"

namespace tocsin {

// What the stream processor knows of the devices of one partition, by dense device code. The
// stored form: docs/formats/keyed_state.md.
//
// Memory of a quiet device: 17 bytes and its place in the dictionary (8 more for every further 64
// rules, 16 more with time-driven rules).
//
// Threads: none but the owner's.
class PartitionState {
 public:
  static constexpr std::int64_t kNoClock = std::numeric_limits<std::int64_t>::min();

  // An instance of a rule that is not in force any more.
  struct Orphan {
    std::string rule;
    AlertInstance instance;
  };
  // What is kept of a rule so that the instances it leaves behind can be resolved.
  struct RuleMemo {
    std::string version;
    std::string severities;  // a byte for each level
    std::map<std::string, std::string> labels;
    bool operator==(const RuleMemo&) const = default;
  };

  // `rules` must outlive the state, or until ReplaceRules. `dedup_window_us` 0 = off. `fleet` may
  // be nullptr.
  PartitionState(const RuleSet& rules, std::int64_t dedup_window_us,
                 FleetPartition* fleet = nullptr);

  // Loads what is stored. kDataLoss for an entry that cannot be read.
  Status Restore(const Stage::StateReader& read_state);
  // Puts what changed since the last Flush, or everything when the collector wants a snapshot.
  void Flush(std::int32_t partition, Collector& collector);
  // Goes on with other rules: instances by name, windows by the text of the calls. Instances of
  // rules that are gone become orphans when they fire.
  void ReplaceRules(const RuleSet& rules);

  // The code of a device, a new one when it was never seen.
  std::uint32_t Code(std::string_view device_id) {
    const std::uint32_t code = dictionary_.Encode(device_id);
    if (code == clocks_.size()) AddDevice();
    return code;
  }
  std::string_view DeviceId(std::uint32_t code) const { return dictionary_.Decode(code); }
  std::size_t devices() const { return clocks_.size(); }
  std::int64_t clock_us(std::uint32_t code) const { return clocks_[code]; }
  void SetClock(std::uint32_t code, std::int64_t clock_us) {
    clocks_[code] = clock_us;
    Touch(code);
  }
  // The last time-driven evaluation after the clock; not before the clock.
  std::int64_t evaluated_us(std::uint32_t code) const;
  void SetEvaluated(std::uint32_t code, std::int64_t time_us);

  // The rules that have an instance at the device.
  std::span<const std::uint64_t> Instances(std::uint32_t code) const {
    return std::span(instance_bits_).subspan(code * words_, words_);
  }
  // The instance of a rule at a device; made when there is none. Valid until it is removed.
  AlertInstance& Instance(std::uint32_t code, std::size_t rule);
  AlertInstance* FindInstance(std::uint32_t code, std::size_t rule) {
    return instances_.Find(code, static_cast<std::uint32_t>(rule));
  }
  void RemoveInstance(std::uint32_t code, std::size_t rule);
  std::int64_t firing() const;  // instances that fire (or recover), counted one by one
  std::size_t instance_bytes() const { return instances_.bytes(); }

  // Takes the orphans out, by device.
  std::multimap<std::uint32_t, Orphan> TakeOrphans();
  bool has_orphans() const { return !orphans_.empty(); }
  const RuleMemo* MemoOf(const std::string& rule) const;

  // The log offset of the last record that was judged; kept only when `keep` was set, -1 = none.
  void KeepLastOffset(bool keep) { keep_offset_ = keep; }
  std::int64_t last_offset() const { return last_offset_; }
  void SetLastOffset(std::int64_t offset) {
    last_offset_ = offset;
    offset_changed_ = true;
  }

  RuleMemory& memory() { return *memory_; }
  FleetPartition* fleet() { return fleet_; }
  // Something changed that no other call tells, such as a window.
  void MarkChanged() { changed_ = true; }

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
  static RuleMemo MemoOfRule(const RuleDefinition& rule);
  std::size_t RuleByName(std::string_view name) const;  // rules_->size() when there is none
  void Adopt(std::uint32_t code, std::string_view rule, const AlertInstance& instance);
  Status RestoreEntry(std::string_view key, std::string_view value);
  Status RestoreDevice(std::string_view device_id, std::string_view value);
  bool RestoreInstance(std::uint32_t code, char version, const char*& at, const char* end);
  Status RestoreTimes(std::string_view device_id, std::string_view value);
  Status RestoreWindow(std::string_view key, std::string_view value);
  Status RestoreMemo(std::string_view rule, std::string_view value);
  void PutDevice(std::int32_t partition, std::uint32_t code, Collector& collector);
  void PutInstance(std::uint32_t code, std::string_view rule, const AlertInstance& instance);
  void PutMemo(std::int32_t partition, const std::string& rule, const RuleMemo& memo,
               Collector& collector);
  void PutBucket(std::int32_t partition, std::uint32_t code, std::int64_t bucket,
                 Collector& collector);
  void PutWindows(std::int32_t partition, bool everything, Collector& collector);
  void PutEverything(std::int32_t partition, Collector& collector);
  void PutChanges(std::int32_t partition, Collector& collector);

  const RuleSet* rules_;
  std::size_t words_;
  std::unique_ptr<RuleMemory> memory_;
  FleetPartition* const fleet_;
  const std::int64_t dedup_window_us_;
  const std::int64_t bucket_us_;
  DeviceDictionary dictionary_;
  std::vector<std::int64_t> clocks_;          // T: the largest event time seen
  std::vector<std::uint64_t> instance_bits_;  // words_ for each device
  std::vector<std::int64_t> evaluated_;       // empty as long as no timer ran
  InstanceTable instances_;                   // few: those of active devices
  std::multimap<std::uint32_t, Orphan> orphans_;
  std::map<std::string, RuleMemo> memos_;  // as stored, of rules that had an instance
  std::vector<std::uint8_t> memo_stored_;  // by rule: its memo is stored as it is now
  std::vector<RecentTimes> recent_;        // empty when dedup is off

  bool keep_offset_ = false;
  bool offset_changed_ = false;
  std::int64_t last_offset_ = -1;
  bool changed_ = false;
  std::vector<std::uint8_t> dirty_;  // by device code
  std::vector<std::uint32_t> dirty_codes_;
  std::vector<std::pair<std::uint32_t, std::int64_t>> dirty_buckets_;
  std::vector<std::string> dead_memos_;
  std::vector<std::int64_t> emptied_;
  bool stored_otherwise_ = false;  // what is stored has another form than what Flush writes
  std::string key_;
  std::string value_;
};

}  // namespace tocsin
