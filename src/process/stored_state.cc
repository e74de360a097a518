#include <algorithm>
#include <bit>

#include "base/bytes.h"
#include "process/partition_state.h"

// The stored form of PartitionState: docs/formats/keyed_state.md.
namespace tocsin {
namespace {

constexpr char kFirstVersion = 1;  // of devices: an instance has no level, offset and flap counts
constexpr char kVersion = 1;
constexpr char kDeviceVersion = 2;
constexpr char kDevicePrefix = 'd';
constexpr char kWindowPrefix = 'f';
constexpr char kMemoPrefix = 'r';
constexpr char kTimesPrefix = 't';
constexpr std::string_view kOffsetKey = "o";
constexpr std::size_t kDeviceHeader = 1 + 8;     // version, clock
constexpr std::size_t kTimesHeader = 1 + 8 + 8;  // version, bucket width, first time
constexpr std::uint64_t kSignBit = 1ull << 63;

// What a device's value says beside its clock and instances.
constexpr std::uint64_t kHasEvaluated = 1;
constexpr std::uint64_t kHasCadence = 2;

// Differences of times are small: zigzag varints. They wrap, so no clock can overflow them.
void PutSigned(std::string& out, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  PutVarint(out, (bits << 1) ^ (value < 0 ? ~0ull : 0ull));
}

std::int64_t Difference(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// Reads fields one after the other; after the first failure all reads fail.
struct FieldReader {
  const char*& at;
  const char* end;

  std::uint64_t Varint() {
    std::uint64_t value = 0;
    if (at != nullptr) at = ReadVarint(at, end, value);
    return at == nullptr ? 0 : value;
  }
  std::int64_t Signed() {
    const std::uint64_t bits = Varint();
    return static_cast<std::int64_t>((bits >> 1) ^ (0 - (bits & 1)));
  }
  std::string_view Bytes() {
    std::string_view value;
    if (at != nullptr) at = ReadBytes(at, end, value);
    return at == nullptr ? std::string_view() : value;
  }
};

std::unexpected<Error> Damaged(std::string_view device_id) {
  return Fail(Code::kDataLoss, "keyed state of device '" + std::string(device_id) +
                                   "' cannot be read; run `tocsin doctor`");
}

}  // namespace

// --- Loading ------------------------------------------------------------------------------------

Status PartitionState::Restore(const Stage::StateReader& read_state) {
  Status entries;
  TOCSIN_TRY(read_state([&](std::string_view key, std::string_view value) {
    if (entries) entries = RestoreEntry(key, value);
  }));
  TOCSIN_TRY(std::move(entries));
  for (std::uint32_t code = 0; code < recent_.size(); ++code) {
    if (clocks_[code] == kNoClock) continue;
    recent_[code].ForgetBefore(clocks_[code] - dedup_window_us_, bucket_us_, emptied_);
  }
  memory_->FinishRestore();
  stored_otherwise_ = stored_otherwise_ || memory_->stale();
  for (const std::uint32_t code : dirty_codes_) dirty_[code] = 0;
  dirty_codes_.clear();
  for (std::size_t i = 0; i < rules_->size(); ++i) {
    const RuleMemo* const stored = MemoOf(rules_->rule(i).name);
    memo_stored_[i] = stored != nullptr && *stored == MemoOfRule(rules_->rule(i)) ? 1 : 0;
  }
  return {};
}

Status PartitionState::RestoreEntry(std::string_view key, std::string_view value) {
  const char kind = key.empty() ? '\0' : key[0];
  if (key == kOffsetKey) {
    if (value.size() != 9 || value[0] != kVersion) return Damaged(key);
    last_offset_ = GetFixed<std::int64_t>(value.data() + 1);
    return {};
  }
  if (key.size() < 2) return Damaged(key);
  if (kind == kDevicePrefix) return RestoreDevice(key.substr(1), value);
  if (kind == kTimesPrefix && key.size() > 9) return RestoreTimes(key.substr(9), value);
  if (kind == kWindowPrefix) return RestoreWindow(key.substr(1), value);
  if (kind == kMemoPrefix) return RestoreMemo(key.substr(1), value);
  if (!FleetPartition::Owns(key)) return Damaged(key.substr(1));
  if (fleet_ == nullptr) {
    stored_otherwise_ = true;
    return {};
  }
  const auto code = [this](std::string_view& id) {
    const std::uint32_t known = Code(id);
    id = DeviceId(known);
    return known;
  };
  return fleet_->Restore(key, value, code) ? Status() : Status(Damaged(key.substr(1)));
}

Status PartitionState::RestoreDevice(std::string_view device_id, std::string_view value) {
  if (value.size() < kDeviceHeader) return Damaged(device_id);
  const char version = value[0];
  if (version != kFirstVersion && version != kDeviceVersion) return Damaged(device_id);
  const std::uint32_t code = Code(device_id);
  clocks_[code] = GetFixed<std::int64_t>(value.data() + 1);
  const char* at = value.data() + kDeviceHeader;
  const char* const end = value.data() + value.size();
  if (version == kDeviceVersion) {
    FieldReader read{at, end};
    const std::uint64_t has = read.Varint();
    if ((has & kHasEvaluated) != 0) SetEvaluated(code, Difference(clocks_[code], read.Signed()));
    const std::uint64_t cadence = (has & kHasCadence) != 0 ? read.Varint() : 0;
    if (at == nullptr) return Damaged(device_id);
    if (fleet_ != nullptr) {
      fleet_->RestoreDevice(code, DeviceId(code), clocks_[code],
                            std::bit_cast<float>(static_cast<std::uint32_t>(cadence)));
    }
  } else if (fleet_ != nullptr) {
    fleet_->RestoreDevice(code, DeviceId(code), clocks_[code], 0);
  }
  while (at != end) {
    if (!RestoreInstance(code, version, at, end)) return Damaged(device_id);
  }
  return {};
}

bool PartitionState::RestoreInstance(std::uint32_t code, char version, const char*& at,
                                     const char* end) {
  const std::int64_t clock_us = clocks_[code];
  FieldReader read{at, end};
  AlertInstance instance;
  const std::string_view name = read.Bytes();
  const std::uint64_t phase = read.Varint();
  instance.phase = static_cast<AlertPhase>(phase);
  instance.episode = static_cast<std::uint32_t>(read.Varint());
  instance.active_at_us = Difference(clock_us, read.Signed());
  instance.starts_at_us = Difference(clock_us, read.Signed());
  instance.recovering_at_us = Difference(clock_us, read.Signed());
  instance.event_count = static_cast<std::uint32_t>(read.Varint());
  instance.level = 1;
  if (version != kFirstVersion) {
    const std::uint64_t level = read.Varint();
    instance.level = static_cast<std::uint8_t>(level >> 1);
    instance.no_data = (level & 1) != 0;
    instance.active_offset = read.Signed();
    instance.transitions = static_cast<std::uint32_t>(read.Varint());
    if (instance.transitions > 0) instance.flap_since_us = Difference(clock_us, read.Signed());
  }
  if (at == nullptr || phase > static_cast<std::uint64_t>(AlertPhase::kRecovering)) return false;
  Adopt(code, name, instance);
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

Status PartitionState::RestoreWindow(std::string_view key, std::string_view value) {
  const char* at = key.data();
  const char* const end = at + key.size();
  FieldReader read{at, end};
  const std::string_view call = read.Bytes();
  if (at == nullptr || at == end || value.empty() || value[0] != kVersion) return Damaged(key);
  const std::string_view device_id(at, static_cast<std::size_t>(end - at));
  if (!memory_->Restore(Code(device_id), call, value.substr(1))) return Damaged(device_id);
  return {};
}

Status PartitionState::RestoreMemo(std::string_view rule, std::string_view value) {
  if (value.empty() || value[0] != kVersion) return Damaged(rule);
  const char* at = value.data() + 1;
  const char* const end = value.data() + value.size();
  FieldReader read{at, end};
  RuleMemo memo;
  memo.version = read.Bytes();
  memo.severities = read.Bytes();
  while (at != nullptr && at != end) {
    std::string name(read.Bytes());
    memo.labels[std::move(name)] = read.Bytes();
  }
  if (at == nullptr) return Damaged(rule);
  memos_[std::string(rule)] = std::move(memo);
  return {};
}

// --- Storing ------------------------------------------------------------------------------------

void PartitionState::PutInstance(std::uint32_t code, std::string_view rule,
                                 const AlertInstance& instance) {
  const std::int64_t clock_us = clocks_[code];
  PutBytes(value_, rule);
  PutVarint(value_, static_cast<std::uint64_t>(instance.phase));
  PutVarint(value_, instance.episode);
  PutSigned(value_, Difference(clock_us, instance.active_at_us));
  PutSigned(value_, Difference(clock_us, instance.starts_at_us));
  PutSigned(value_, Difference(clock_us, instance.recovering_at_us));
  PutVarint(value_, instance.event_count);
  PutVarint(value_, (std::uint64_t{instance.level} << 1) | (instance.no_data ? 1u : 0u));
  PutSigned(value_, instance.active_offset);
  PutVarint(value_, instance.transitions);
  if (instance.transitions > 0) PutSigned(value_, Difference(clock_us, instance.flap_since_us));
}

void PartitionState::PutDevice(std::int32_t partition, std::uint32_t code, Collector& collector) {
  if (clocks_[code] == kNoClock) return;  // expected and never seen
  key_.assign(1, kDevicePrefix).append(dictionary_.Decode(code));
  value_.assign(1, kDeviceVersion);
  PutFixed(value_, clocks_[code]);
  const float cadence = fleet_ == nullptr ? 0 : fleet_->cadence(code);
  const bool evaluated = evaluated_us(code) > clocks_[code];
  PutVarint(value_, (evaluated ? kHasEvaluated : 0) | (cadence > 0 ? kHasCadence : 0));
  if (evaluated) PutSigned(value_, Difference(clocks_[code], evaluated_us(code)));
  if (cadence > 0) PutVarint(value_, std::bit_cast<std::uint32_t>(cadence));
  for (std::size_t word = 0; word < words_; ++word) {
    for (std::uint64_t left = Instances(code)[word]; left != 0; left &= left - 1) {
      const std::size_t rule = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
      PutInstance(code, rules_->rule(rule).name, *FindInstance(code, rule));
      if (memo_stored_[rule] == 0) memo_stored_[rule] = 2;  // to be put
    }
  }
  const auto [first, last] = orphans_.equal_range(code);
  for (auto orphan = first; orphan != last; ++orphan) {
    PutInstance(code, orphan->second.rule, orphan->second.instance);
  }
  collector.PutState(partition, key_, value_);
}

void PartitionState::PutMemo(std::int32_t partition, const std::string& rule, const RuleMemo& memo,
                             Collector& collector) {
  value_.assign(1, kVersion);
  PutBytes(value_, memo.version);
  PutBytes(value_, memo.severities);
  for (const auto& [name, text] : memo.labels) {
    PutBytes(value_, name);
    PutBytes(value_, text);
  }
  collector.PutState(partition, kMemoPrefix + rule, value_);
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

void PartitionState::PutWindows(std::int32_t partition, bool everything, Collector& collector) {
  memory_->Flush(everything,
                 [&](std::uint32_t device, std::string_view call, std::string_view value) {
                   key_.assign(1, kWindowPrefix);
                   PutBytes(key_, call);
                   key_.append(dictionary_.Decode(device));
                   value_.clear();
                   if (!value.empty()) value_.assign(1, kVersion).append(value);
                   collector.PutState(partition, key_, value_);
                 });
}

void PartitionState::PutEverything(std::int32_t partition, Collector& collector) {
  collector.ReplaceState(partition);
  for (std::uint32_t code = 0; code < clocks_.size(); ++code) {
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
  // A rule that has no instance needs its memo no more; a rule that is gone, while it has orphans.
  const auto needed = [this](const auto& entry) {
    const std::size_t rule = RuleByName(entry.first);
    if (rule < rules_->size()) return memo_stored_[rule] != 0;
    return std::ranges::any_of(orphans_,
                               [&](const auto& o) { return o.second.rule == entry.first; });
  };
  std::erase_if(memos_, [&](const auto& entry) { return !needed(entry); });
  for (const auto& [rule, memo] : memos_) PutMemo(partition, rule, memo, collector);
  dead_memos_.clear();
  stored_otherwise_ = false;
}

void PartitionState::PutChanges(std::int32_t partition, Collector& collector) {
  for (const std::uint32_t code : dirty_codes_) PutDevice(partition, code, collector);
  std::ranges::sort(dirty_buckets_);
  const auto repeated = std::ranges::unique(dirty_buckets_);
  dirty_buckets_.erase(repeated.begin(), repeated.end());
  for (const auto& [code, bucket] : dirty_buckets_) PutBucket(partition, code, bucket, collector);
  for (const std::string& rule : dead_memos_) {
    collector.PutState(partition, kMemoPrefix + rule, "");
    memos_.erase(rule);
  }
  dead_memos_.clear();
}

void PartitionState::Flush(std::int32_t partition, Collector& collector) {
  const bool changed = changed_ || !dirty_codes_.empty() || !dirty_buckets_.empty();
  const bool everything = collector.wants_snapshot(partition) || (changed && stored_otherwise_);
  if (everything) {
    PutEverything(partition, collector);
  } else {
    PutChanges(partition, collector);
  }
  PutWindows(partition, everything, collector);
  for (std::size_t rule = 0; rule < memo_stored_.size(); ++rule) {
    if (memo_stored_[rule] != 2) continue;
    const RuleMemo& memo = memos_[rules_->rule(rule).name] = MemoOfRule(rules_->rule(rule));
    PutMemo(partition, rules_->rule(rule).name, memo, collector);
    memo_stored_[rule] = 1;
  }
  if (keep_offset_ && last_offset_ >= 0 && (everything || offset_changed_)) {
    value_.assign(1, kVersion);
    PutFixed(value_, last_offset_);
    collector.PutState(partition, kOffsetKey, value_);
  }
  offset_changed_ = false;
  if (fleet_ != nullptr) {
    fleet_->Flush(everything, [&](std::string_view key, std::string_view value) {
      collector.PutState(partition, key, value);
    });
  }
  for (const std::uint32_t code : dirty_codes_) dirty_[code] = 0;
  dirty_codes_.clear();
  dirty_buckets_.clear();
  changed_ = false;
}

}  // namespace tocsin
