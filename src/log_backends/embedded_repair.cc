#include "log_backends/embedded_repair.h"

#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/logging.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

// Up to this size everything is read at the open, so that damage is found before work begins.
constexpr std::uint64_t kWalkAllBytes = 64u << 20;

std::string DescribeAll(const std::vector<LostRange>& lost) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(lost.size(), kShown); ++i) {
    text += (i == 0 ? "" : ", ") + Describe(lost[i]);
  }
  if (lost.size() > kShown) text += " and " + std::to_string(lost.size() - kShown) + " more ranges";
  return text;
}

std::string Remedy(const std::string& directory) {
  return "; keep a copy of " + directory +
         ", then run `tocsin doctor --repair`, which gives them up and goes on";
}

std::vector<LostRange> Lost(const EmbeddedPartition& partition, const PartitionWalk& walk) {
  std::vector<LostRange> lost;
  for (const OffsetRange& range : walk.missing) {
    lost.push_back({partition.id, range.first, range.end});
  }
  return lost;
}

void AddRange(std::vector<OffsetRange>& ranges, const OffsetRange& range) {
  ranges.push_back(range);
  std::ranges::sort(ranges, {}, &OffsetRange::first);
}

// The topics whose entry is gone, from the names of their families, with the default limits.
void ReviveTopics(const RocksStore& store, EmbeddedCatalog& catalog, rocksdb::WriteBatch& batch) {
  std::map<std::string, std::int32_t> partitions;
  for (const TopicPartition& id : store.Families()) {
    if (catalog.FindTopic(id.topic) != nullptr) continue;
    // A family that holds nothing is an interrupted creation.
    const auto it = store.Iterate(store.FamilyOf(id));
    it->SeekToFirst();
    const bool holds = it->Valid() || !it->status().ok();
    std::int32_t& count = partitions.try_emplace(id.topic, 0).first->second;
    if (holds || count > 0) count = std::max(count, id.partition + 1);
  }
  for (const auto& [topic, count] : partitions) {
    bool complete = count > 0;
    for (std::int32_t i = 0; i < count; ++i) {
      complete = complete && store.FamilyOf({topic, i}) != nullptr;
    }
    if (!complete) continue;
    TopicConfig config;
    config.partitions = count;
    catalog.Add(store, topic, config);
    static_cast<void>(batch.Put(store.meta(), format::TopicKey(topic), format::TopicValue(config)));
  }
}

// Moves the recorded end behind the last batch that is there, and the start to the first.
void MendEnds(const RocksStore& store, EmbeddedPartition& partition) {
  const auto it = store.Iterate(partition.family);
  const auto place_at = [&]() -> std::optional<std::pair<format::Place, format::Place>> {
    if (!it->Valid()) return std::nullopt;
    const auto info = ReadBatchInfo(it->value().ToStringView());
    if (!info) return std::nullopt;
    return std::pair(
        format::Place{info->base_offset, info->log_position},
        format::Place{info->base_offset + info->count, info->log_position + it->value().size()});
  };
  it->SeekToLast();
  if (const auto last = place_at(); last && last->second.offset > partition.next.offset) {
    partition.next = last->second;
  }
  it->SeekToFirst();
  const auto first = place_at();
  const bool start_known = partition.start.offset > 0 || !first || first->first.position == 0;
  if (!start_known) partition.start = first->first;  // the entry of the start is gone
  if (partition.start.offset > partition.next.offset) partition.start = partition.next;
}

void MendPartition(const RocksStore& store, EmbeddedPartition& partition,
                   rocksdb::WriteBatch& batch, std::vector<LostRange>& lost) {
  MendEnds(store, partition);
  const PartitionWalk walk =
      WalkPartition(store, partition, partition.start.offset, WalkDepth::kContents);
  for (const std::string& problem : walk.problems) LogWarning("log", problem);
  for (const OffsetRange& range : walk.missing) {
    AddRange(partition.lost, range);
    lost.push_back({partition.id, range.first, range.end});
    static_cast<void>(batch.Put(store.meta(), format::LostKey(partition.id, range.first),
                                format::OffsetValue(range.end)));
  }
  // When the last batch is readable, its own end is the truth about log positions.
  if (walk.end.offset == partition.next.offset && walk.batches > 0) partition.next = walk.end;
  static_cast<void>(batch.Put(store.meta(), format::PlaceKey(format::kNextPrefix, partition.id),
                              format::PlaceValue(partition.next)));
  static_cast<void>(batch.Put(store.meta(), format::PlaceKey(format::kStartPrefix, partition.id),
                              format::PlaceValue(partition.start)));
}

void MendOffsets(const RocksStore& store, EmbeddedCatalog& catalog, rocksdb::WriteBatch& batch) {
  for (const auto& [key, offset] : catalog.offsets) {
    const auto& [group, id] = key;
    const EmbeddedPartition* partition = catalog.Find(id);
    if (partition == nullptr || offset <= partition->next.offset) continue;
    LogWarning("log", "a committed offset pointed behind the end of the log and was lowered",
               {{"group", group}, {"partition", partition->Name()}});
    static_cast<void>(batch.Put(store.offsets(), format::OffsetKey(group, id),
                                format::OffsetValue(partition->next.offset)));
  }
}

// True when the value is a run of entries.
bool IsRunOfEntries(std::string_view blob) {
  const char* at = blob.data();
  const char* const end = at + blob.size();
  std::string_view bytes;
  while (at != nullptr && at < end) {
    at = ReadBytes(at, end, bytes);
    if (at != nullptr) at = ReadBytes(at, end, bytes);
  }
  return at == end;
}

// A state that cannot be read is dropped as a whole: a part of it would be a wrong one.
Status MendStates(const RocksStore& store, rocksdb::WriteBatch& batch) {
  const auto it = store.Iterate(store.state());
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    const auto key = format::ParseStateKey(it->key().ToStringView());
    if (key && IsRunOfEntries(it->value().ToStringView())) continue;
    LogWarning("log", "a part of the state could not be read and was dropped");
    static_cast<void>(batch.Delete(store.state(), it->key()));
  }
  if (it->status().ok()) return {};
  LogWarning("log", "the keyed state could not be read and was dropped; stages begin anew",
             {{"error", it->status().ToString()}});
  return FromRocks(batch.DeleteRange(store.state(), rocksdb::Slice(), std::string(300, '\xff')),
                   "drop the state");
}

}  // namespace

std::string Describe(const LostRange& range) {
  return range.partition.topic + "/" + std::to_string(range.partition.partition) + " offsets " +
         std::to_string(range.first) + " to " + std::to_string(range.end - 1);
}

Status CheckSound(const RocksStore& store, const EmbeddedCatalog& catalog,
                  const std::string& directory) {
  const bool all = store.file_bytes() <= kWalkAllBytes;
  std::vector<LostRange> lost;
  std::vector<std::string> problems;
  for (const auto& [name, topic] : catalog.topics) {
    for (const auto& partition : topic.partitions) {
      const std::int64_t start = partition->start.offset;
      PartitionWalk walk = WalkPartition(
          store, *partition, all ? start : RecoveredFrom(store, *partition), WalkDepth::kHeaders);
      std::ranges::copy(Lost(*partition, walk), std::back_inserter(lost));
      std::ranges::move(walk.problems, std::back_inserter(problems));
    }
  }
  if (lost.empty() && problems.empty()) return {};
  std::string message = "the log in " + directory + " is damaged";
  if (!lost.empty()) message += ": lost are " + DescribeAll(lost);
  if (!problems.empty()) message += " (" + problems.front() + ")";
  return Fail(Code::kDataLoss, message + Remedy(directory));
}

Error ExplainDamage(const EmbeddedLogOptions& options, const Error& cause) {
  std::vector<LostRange> lost;
  std::string ends;
  if (const auto store = RocksStore::Open(options, StoreMode::kSurvey)) {
    std::vector<std::string> problems;
    if (const auto catalog = LoadCatalog(**store, &problems)) {
      for (const auto& [name, topic] : catalog->topics) {
        for (const auto& partition : topic.partitions) {
          const PartitionWalk walk =
              WalkPartition(**store, *partition, partition->start.offset, WalkDepth::kHeaders);
          std::ranges::copy(Lost(*partition, walk), std::back_inserter(lost));
          ends += (ends.empty() ? "" : ", ") + partition->Name() + " from offset " +
                  std::to_string(partition->next.offset);
        }
      }
    }
  }
  std::string message = "the log in " + options.directory + " is damaged";
  if (!lost.empty()) {
    message += ": lost are " + DescribeAll(lost);
  } else if (!ends.empty()) {
    message += ": lost may be " + ends + " on";
  }
  return Error(Code::kDataLoss, message + " (" + cause.message() + ")" + Remedy(options.directory));
}

Result<std::vector<LostRange>> RepairStore(RocksStore& store) {
  std::vector<std::string> problems;
  TOCSIN_ASSIGN(EmbeddedCatalog catalog, LoadCatalog(store, &problems));
  for (const std::string& problem : problems) LogWarning("log", problem);
  rocksdb::WriteBatch batch;
  std::string version;
  PutFixed(version, format::kVersion);
  static_cast<void>(batch.Put(store.meta(), std::string(format::kFormatKey), version));
  ReviveTopics(store, catalog, batch);
  std::vector<LostRange> lost;
  for (auto& [name, topic] : catalog.topics) {
    for (auto& partition : topic.partitions) MendPartition(store, *partition, batch, lost);
  }
  MendOffsets(store, catalog, batch);
  TOCSIN_TRY(MendStates(store, batch));
  TOCSIN_TRY(store.Write(batch, true));
  TOCSIN_TRY(store.Flush());
  return lost;
}

}  // namespace tocsin
