#include "process/partition_state.h"

#include <algorithm>
#include <bit>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr char kVersion = 1;
constexpr char kDevicePrefix = 'd';
constexpr char kTimesPrefix = 't';
constexpr std::size_t kDeviceHeader = 1 + 8;     // version, clock
constexpr std::size_t kTimesHeader = 1 + 8 + 8;  // version, bucket width, first time
constexpr std::uint64_t kSignBit = 1ull << 63;

// Differences of times are small: zigzag varints. They wrap, so no clock can overflow them.
void PutSigned(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  PutVarint(out, (bits << 1) ^ (value < 0 ? ~0ull : 0ull));
}

const char* ReadSigned(const char* at, const char* end, std::int64_t& value) {
  std::uint64_t bits = 0;
  at = ReadVarint(at, end, bits);
  value = static_cast<std::int64_t>((bits >> 1) ^ (0 - (bits & 1)));
  return at;
}

std::int64_t Difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

std::unexpected<Error> Damaged(std::string_view device_id) {
  return Fail(Code::kDataLoss, "keyed state of device '" + std::string(device_id) +
                                   "' cannot be read; run `tocsin doctor`");
}

}  // namespace

PartitionState::PartitionState(const RuleSet& rules, std::int64_t dedup_window_us)
    : rules_(rules),
      dedup_window_us_(dedup_window_us),
      bucket_us_(RecentTimes::BucketWidth(dedup_window_us)) {}

void PartitionState::AddDevice() {
  devices_.emplace_back();
  dirty_.push_back(0);
  if (dedup_window_us_ > 0) recent_.emplace_back();
}

AlertInstance& PartitionState::Instance(std::uint32_t code, unsigned rule) {
  devices_[code].instances |= 1ull << rule;
  Touch(code);
  return instances_[InstanceKey(code, rule)];
}

void PartitionState::RemoveInstance(std::uint32_t code, unsigned rule) {
  devices_[code].instances &= ~(1ull << rule);
  Touch(code);
  instances_.erase(InstanceKey(code, rule));
}

std::int64_t PartitionState::firing() const {
  return std::ranges::count_if(instances_, [](const auto& entry) {
    return entry.second.phase == AlertPhase::kFiring ||
           entry.second.phase == AlertPhase::kRecovering;
  });
}

void PartitionState::Remember(std::uint32_t code, std::int64_t time_us) {
  const std::int64_t clock_us = devices_[code].clock_us;
  emptied_.clear();
  recent_[code].ForgetBefore(clock_us - dedup_window_us_, bucket_us_, emptied_);
  for (const std::int64_t bucket : emptied_) dirty_buckets_.emplace_back(code, bucket);
  if (time_us < clock_us - dedup_window_us_) return;
  recent_[code].Insert(time_us);
  const std::pair changed(code, RecentTimes::BucketOf(time_us, bucket_us_));
  if (dirty_buckets_.empty() || dirty_buckets_.back() != changed) {
    dirty_buckets_.push_back(changed);
  }
}

// --- Loading ------------------------------------------------------------------------------------

Status PartitionState::Restore(const Stage::StateReader& read_state) {
  Status entries;
  TOCSIN_TRY(read_state([&](std::string_view key, std::string_view value) {
    if (!entries) return;
    if (key.size() > 1 && key[0] == kDevicePrefix) {
      entries = RestoreDevice(key.substr(1), value);
    } else if (key.size() > 9 && key[0] == kTimesPrefix) {
      entries = RestoreTimes(key.substr(9), value);
    } else {
      entries = Damaged(key);
    }
  }));
  TOCSIN_TRY(std::move(entries));
  for (std::uint32_t code = 0; code < recent_.size(); ++code) {
    if (devices_[code].clock_us == kNoClock) continue;
    recent_[code].ForgetBefore(devices_[code].clock_us - dedup_window_us_, bucket_us_, emptied_);
  }
  return {};
}

Status PartitionState::RestoreDevice(std::string_view device_id, std::string_view value) {
  if (value.size() < kDeviceHeader || value[0] != kVersion) return Damaged(device_id);
  const std::uint32_t code = Code(device_id);
  devices_[code].clock_us = GetFixed<std::int64_t>(value.data() + 1);
  const char* at = value.data() + kDeviceHeader;
  const char* const end = value.data() + value.size();
  while (at != end) {
    if (!RestoreInstance(code, at, end)) return Damaged(device_id);
  }
  return {};
}

bool PartitionState::RestoreInstance(std::uint32_t code, const char*& at, const char* end) {
  std::string_view name;
  std::uint64_t phase = 0, episode = 0;
  std::int64_t active = 0, starts = 0, recovering = 0;
  AlertInstance instance;
  at = ReadBytes(at, end, name);
  if (at != nullptr) at = ReadVarint(at, end, phase);
  if (at != nullptr) at = ReadVarint(at, end, episode);
  if (at != nullptr) at = ReadSigned(at, end, active);
  if (at != nullptr) at = ReadSigned(at, end, starts);
  if (at != nullptr) at = ReadSigned(at, end, recovering);
  if (at != nullptr) at = ReadVarint(at, end, instance.event_count);
  if (at == nullptr || phase > static_cast<std::uint64_t>(AlertPhase::kRecovering)) return false;
  const std::int64_t clock_us = devices_[code].clock_us;
  instance.phase = static_cast<AlertPhase>(phase);
  instance.episode = static_cast<std::uint32_t>(episode);
  instance.active_at_us = Difference(clock_us, active);
  instance.starts_at_us = Difference(clock_us, starts);
  instance.recovering_at_us = Difference(clock_us, recovering);
  for (unsigned rule = 0; rule < rules_.size(); ++rule) {
    if (rules_.rule(rule).name != name) continue;
    devices_[code].instances |= 1ull << rule;
    instances_[InstanceKey(code, rule)] = instance;
    return true;
  }
  stored_otherwise_ = true;  // a rule that no longer exists
  return true;
}

Status PartitionState::RestoreTimes(std::string_view device_id, std::string_view value) {
  if (value.size() < kTimesHeader || value[0] != kVersion) return Damaged(device_id);
  if (dedup_window_us_ == 0) {
    stored_otherwise_ = true;
    return {};
  }
  if (GetFixed<std::int64_t>(value.data() + 1) != bucket_us_) stored_otherwise_ = true;
  const std::uint32_t code = Code(device_id);
  std::int64_t time_us = GetFixed<std::int64_t>(value.data() + 9);
  recent_[code].Insert(time_us);
  const char* at = value.data() + kTimesHeader;
  const char* const end = value.data() + value.size();
  while (at != end) {
    std::uint64_t step = 0;
    at = ReadVarint(at, end, step);
    if (at == nullptr) return Damaged(device_id);
    time_us = Difference(time_us, -static_cast<std::int64_t>(step));
    recent_[code].Insert(time_us);
  }
  return {};
}

// --- Storing ------------------------------------------------------------------------------------

void PartitionState::PutDevice(std::int32_t partition, std::uint32_t code, Collector& collector) {
  const Device& device = devices_[code];
  key_.assign(1, kDevicePrefix).append(dictionary_.Decode(code));
  value_.assign(1, kVersion);
  PutFixed(value_, device.clock_us);
  for (std::uint64_t left = device.instances; left != 0; left &= left - 1) {
    const auto rule = static_cast<unsigned>(std::countr_zero(left));
    const AlertInstance& instance = instances_.at(InstanceKey(code, rule));
    PutBytes(value_, rules_.rule(rule).name);
    PutVarint(value_, static_cast<std::uint64_t>(instance.phase));
    PutVarint(value_, instance.episode);
    PutSigned(value_, Difference(device.clock_us, instance.active_at_us));
    PutSigned(value_, Difference(device.clock_us, instance.starts_at_us));
    PutSigned(value_, Difference(device.clock_us, instance.recovering_at_us));
    PutVarint(value_, instance.event_count);
  }
  collector.PutState(partition, key_, value_);
}

void PartitionState::PutBucket(std::int32_t partition, std::uint32_t code, std::int64_t bucket,
                               Collector& collector) {
  key_.assign(1, kTimesPrefix);
  PutBigEndian64(key_, static_cast<std::uint64_t>(bucket) ^ kSignBit);
  key_.append(dictionary_.Decode(code));
  value_.clear();
  const auto times = recent_[code].TimesOfBucket(bucket, bucket_us_);
  if (!times.empty()) {
    value_.assign(1, kVersion);
    PutFixed(value_, bucket_us_);
    PutFixed(value_, times.front());
    for (std::size_t i = 1; i < times.size(); ++i) {
      PutVarint(value_, static_cast<std::uint64_t>(times[i] - times[i - 1]));
    }
  }
  collector.PutState(partition, key_, value_);
}

void PartitionState::PutEverything(std::int32_t partition, Collector& collector) {
  collector.ReplaceState(partition);
  for (std::uint32_t code = 0; code < devices_.size(); ++code) {
    PutDevice(partition, code, collector);
  }
  for (std::uint32_t code = 0; code < recent_.size(); ++code) {
    const auto times = recent_[code].times();
    for (std::size_t i = 0; i < times.size();) {
      const std::int64_t bucket = RecentTimes::BucketOf(times[i], bucket_us_);
      PutBucket(partition, code, bucket, collector);
      i += recent_[code].TimesOfBucket(bucket, bucket_us_).size();
    }
  }
  stored_otherwise_ = false;
}

void PartitionState::Flush(std::int32_t partition, Collector& collector) {
  const bool changed = !dirty_codes_.empty() || !dirty_buckets_.empty();
  if (collector.wants_snapshot(partition) || (changed && stored_otherwise_)) {
    PutEverything(partition, collector);
  } else {
    for (const std::uint32_t code : dirty_codes_) PutDevice(partition, code, collector);
    std::ranges::sort(dirty_buckets_);
    const auto repeated = std::ranges::unique(dirty_buckets_);
    dirty_buckets_.erase(repeated.begin(), repeated.end());
    for (const auto& [code, bucket] : dirty_buckets_) PutBucket(partition, code, bucket, collector);
  }
  for (const std::uint32_t code : dirty_codes_) dirty_[code] = 0;
  dirty_codes_.clear();
  dirty_buckets_.clear();
}

}  // namespace tocsin
