#include "log_backends/embedded_retention.h"

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "base/logging.h"
#include "base/text.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

constexpr std::int64_t kRecheckUs = 200'000;

std::int64_t FreeBytesOf(const std::string& directory) {
  struct statvfs disk{};
  if (::statvfs(directory.c_str(), &disk) != 0) return std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(disk.f_bavail * disk.f_frsize);
}

// A batch as its header describes it.
struct Header {
  std::int64_t base = 0;
  std::int64_t end = 0;
  std::int64_t timestamp_ms = 0;
  std::uint64_t position = 0;
};

Result<std::optional<Header>> HeaderAt(const rocksdb::Iterator& it) {
  if (!it.Valid()) {
    if (!it.status().ok()) return std::unexpected(FromRocks(it.status(), "retention").error());
    return std::nullopt;
  }
  TOCSIN_ASSIGN(const StoredBatchInfo info, ReadBatchInfo(it.value().ToStringView()));
  return Header{info.base_offset, info.base_offset + info.count, info.timestamp_ms,
                info.log_position};
}

using Removable = std::function<bool(const Header&)>;

// The first batch boundary that `removable` does not allow to pass. It must hold for a run of
// batches from the start on and for none after; so a few headers suffice, found by halving.
Result<format::Place> FindBoundary(const RocksStore& store, const EmbeddedPartition& partition,
                                   const Removable& removable) {
  const auto it = store.Iterate(partition.family);
  std::int64_t low = partition.start.offset;
  std::int64_t high = partition.next.offset;
  it->Seek(format::BatchKey(low));
  TOCSIN_ASSIGN(const auto first, HeaderAt(*it));
  if (!first || first->base >= high || !removable(*first)) return partition.start;
  low = first->end;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    it->SeekForPrev(format::BatchKey(middle));
    TOCSIN_ASSIGN(auto batch, HeaderAt(*it));
    if (!batch || batch->end <= middle) {  // in a lost range: the batch behind it decides
      it->Seek(format::BatchKey(middle));
      TOCSIN_ASSIGN(batch, HeaderAt(*it));
    }
    if (!batch || batch->base >= high) {
      high = middle;
    } else if (removable(*batch)) {
      low = batch->end;
    } else {
      high = std::max(low, batch->base);
    }
  }
  it->Seek(format::BatchKey(low));
  TOCSIN_ASSIGN(const auto kept, HeaderAt(*it));
  if (!kept || kept->base >= partition.next.offset) return partition.next;
  return format::Place{kept->base, kept->position};
}

}  // namespace

EmbeddedRetention::EmbeddedRetention(EmbeddedCore& core, EmbeddedWriter& writer)
    : core_(core),
      writer_(writer),
      free_bytes_(core.options.free_bytes ? core.options.free_bytes : FreeBytesOf) {}

Status EmbeddedRetention::Enforce() {
  const auto exclusive = writer_.Exclude();
  next_enforce_us_ = core_.clock.SteadyUs() + core_.options.retention_check_us;
  for (auto& [name, topic] : core_.catalog.topics) TOCSIN_TRY(EnforceTopic(name, topic));
  return {};
}

Status EmbeddedRetention::EnforceIfDue() {
  const std::int64_t now_us = core_.clock.SteadyUs();
  if (now_us >= next_enforce_us_) return Enforce();
  const auto above = [&](const EmbeddedTopic& topic) {
    return topic.config.retention_bytes > 0 && now_us >= topic.next_check_us &&
           topic.bytes() > static_cast<std::uint64_t>(topic.config.retention_bytes);
  };
  {
    const std::lock_guard lock(core_.mutex);
    if (std::ranges::none_of(core_.catalog.topics,
                             [&](const auto& entry) { return above(entry.second); })) {
      return {};
    }
  }
  const auto exclusive = writer_.Exclude();
  for (auto& [name, topic] : core_.catalog.topics) {
    if (above(topic)) TOCSIN_TRY(EnforceTopic(name, topic));
  }
  return {};
}

std::optional<EmbeddedRetention::Reader> EmbeddedRetention::SlowestReader(
    const EmbeddedTopic& topic, const EmbeddedPartition& partition) const {
  std::optional<Reader> slowest;
  for (const std::string& group : topic.groups) {
    const auto found = core_.catalog.offsets.find({group, partition.id});
    const std::int64_t offset =
        found == core_.catalog.offsets.end() ? partition.start.offset : found->second;
    if (!slowest || offset < slowest->offset) slowest = Reader{offset, group};
  }
  return slowest;
}

Result<EmbeddedRetention::Cut> EmbeddedRetention::FindCut(const EmbeddedTopic& topic,
                                                          EmbeddedPartition& partition,
                                                          std::uint64_t excess_bytes,
                                                          std::uint64_t topic_bytes) {
  const std::int64_t oldest_ms = topic.config.retention_ms == 0
                                     ? std::numeric_limits<std::int64_t>::min()
                                     : core_.clock.WallUs() / 1000 - topic.config.retention_ms;
  // Every partition gives in proportion to its size, so that all reach back equally far.
  const double share =
      topic_bytes == 0 ? 0.0
                       : static_cast<double>(partition.bytes()) / static_cast<double>(topic_bytes);
  const auto keep_from =
      partition.start.position +
      std::min(partition.bytes(),
               static_cast<std::uint64_t>(static_cast<double>(excess_bytes) * share) +
                   (excess_bytes > 0 ? 1 : 0));
  const Removable limits = [&](const Header& batch) {
    return batch.timestamp_ms < oldest_ms || batch.position < keep_from;
  };
  Cut cut{.partition = &partition, .place = {}, .unread = 0, .held_by = {}};
  TOCSIN_ASSIGN(cut.place, FindBoundary(*core_.store, partition, limits));
  const auto reader = SlowestReader(topic, partition);
  if (!reader || reader->offset >= cut.place.offset) return cut;
  if (core_.options.retention_force) {
    cut.unread = cut.place.offset - std::max(reader->offset, partition.start.offset);
    return cut;
  }
  cut.held_by = reader->group;
  TOCSIN_ASSIGN(cut.place, FindBoundary(*core_.store, partition, [&](const Header& batch) {
                  return limits(batch) && batch.end <= reader->offset;
                }));
  return cut;
}

Status EmbeddedRetention::EnforceTopic(const std::string& name, EmbeddedTopic& topic) {
  const std::uint64_t bytes = topic.bytes();
  const auto limit = static_cast<std::uint64_t>(topic.config.retention_bytes);
  const std::uint64_t excess = limit > 0 && bytes > limit ? bytes - limit : 0;
  std::vector<Cut> cuts;
  for (auto& partition : topic.partitions) {
    auto cut = FindCut(topic, *partition, excess, bytes);
    if (!cut) {
      // Damage stops the readers that meet it, not the writers.
      LogWarning("log", "retention cannot read the log",
                 {{"partition", partition->Name()}, {"error", cut.error().message()}});
      continue;
    }
    cuts.push_back(std::move(*cut));
  }
  TOCSIN_TRY(Apply(cuts));
  SetBlocked(name, topic, cuts);
  return {};
}

void EmbeddedRetention::SetBlocked(const std::string& name, EmbeddedTopic& topic,
                                   const std::vector<Cut>& cuts) {
  const std::lock_guard lock(core_.mutex);
  topic.next_check_us = core_.clock.SteadyUs() + kRecheckUs;
  topic.blocked.clear();
  if (topic.config.retention_bytes == 0 ||
      topic.bytes() <= static_cast<std::uint64_t>(topic.config.retention_bytes)) {
    return;
  }
  for (const Cut& cut : cuts) {
    if (cut.held_by.empty()) continue;
    topic.blocked =
        "topic " + name + " holds " + Grouped(topic.bytes()) + " bytes, its limit is " +
        Grouped(static_cast<std::uint64_t>(topic.config.retention_bytes)) + ", and group " +
        cut.held_by + " has not read " + cut.partition->Name() + " from offset " +
        std::to_string(cut.place.offset) +
        " on; run that group, raise the limit, or set RETENTION_FORCE=true to lose the records";
    return;
  }
}

Status EmbeddedRetention::Apply(const std::vector<Cut>& cuts) {
  rocksdb::WriteBatch batch;
  for (const Cut& cut : cuts) {
    const EmbeddedPartition& partition = *cut.partition;
    if (cut.place.offset == partition.start.offset) continue;
    static_cast<void>(batch.Put(core_.store->meta(),
                                format::PlaceKey(format::kStartPrefix, partition.id),
                                format::PlaceValue(cut.place)));
    for (const OffsetRange& range : partition.lost) {
      if (range.end > cut.place.offset) continue;
      static_cast<void>(
          batch.Delete(core_.store->meta(), format::LostKey(partition.id, range.first)));
    }
  }
  if (batch.Count() == 0) return {};
  TOCSIN_TRY(writer_.Write(batch));
  for (const Cut& cut : cuts) {
    EmbeddedPartition& partition = *cut.partition;
    if (cut.place.offset == partition.start.offset) continue;
    {
      const std::lock_guard lock(core_.mutex);
      partition.start = cut.place;
      std::erase_if(partition.lost,
                    [&](const OffsetRange& range) { return range.end <= cut.place.offset; });
      core_.statistics.retention_forced_records += static_cast<std::uint64_t>(cut.unread);
    }
    if (cut.unread > 0) {
      LogWarning("log", "retention removed records that a group had not read (RETENTION_FORCE)",
                 {{"partition", partition.Name()}, {"records", std::to_string(cut.unread)}});
    }
    TOCSIN_TRY(
        core_.store->RemoveFilesBefore(partition.family, format::BatchKey(cut.place.offset)));
  }
  return {};
}

std::unexpected<Error> EmbeddedRetention::Refuse(std::string why) {
  const std::lock_guard lock(core_.mutex);
  ++core_.statistics.refused;
  return Fail(Code::kResourceExhausted, std::move(why));
}

Status EmbeddedRetention::AdmitByDisk() {
  if (core_.options.disk_reserve_bytes <= 0) return {};
  const std::int64_t now_us = core_.clock.SteadyUs();
  if (now_us >= next_disk_check_us_) {
    next_disk_check_us_ = now_us + kRecheckUs;
    free_seen_ = free_bytes_(core_.options.directory);
  }
  const std::int64_t free = free_seen_;
  if (free >= core_.options.disk_reserve_bytes) return {};
  return Refuse("the disk of " + core_.options.directory + " has " +
                Grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(free, 0))) +
                " bytes free, " +
                Grouped(static_cast<std::uint64_t>(core_.options.disk_reserve_bytes)) +
                " are kept in reserve; free some space, ingest then goes on by itself");
}

Status EmbeddedRetention::AdmitByTopic(const std::string& name) {
  EmbeddedTopic* topic = nullptr;
  bool look_again = false;
  {
    const std::lock_guard lock(core_.mutex);
    topic = core_.catalog.FindTopic(name);
    if (topic == nullptr || topic->blocked.empty()) return {};
    look_again = core_.clock.SteadyUs() >= topic->next_check_us;
  }
  if (look_again) {
    const auto exclusive = writer_.Exclude();
    TOCSIN_TRY(EnforceTopic(name, *topic));
  }
  std::string blocked;
  {
    const std::lock_guard lock(core_.mutex);
    blocked = topic->blocked;
  }
  if (blocked.empty()) return {};
  return Refuse(std::move(blocked));
}

Status EmbeddedRetention::Admit(const std::vector<std::string>& topics) {
  TOCSIN_TRY(AdmitByDisk());
  for (const std::string& topic : topics) TOCSIN_TRY(AdmitByTopic(topic));
  return {};
}

}  // namespace tocsin
