#include "kafka_log/state_store.h"

#include <set>
#include <tuple>

#include "base/bytes.h"
#include "base/logging.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "kafka";
constexpr std::int64_t kProgressUs = 2'000'000;
// Where the copy of a store keeps which part of the changelog it holds.
constexpr std::string_view kPlaceKey = "place";

std::string PlaceStore(const std::string& store) {
  return store + "@changelog";
}

void WarnOfCopy(const std::string& store, const Error& error) {
  LogWarning(kComponent, "the local copy of the state is not kept up to date",
             {{"store", store}, {"error", error.message()}});
}

}  // namespace

struct StateStore::Write::Pending {
  StateStore* store = nullptr;
  StoreKey key;
  Changelog* changelog = nullptr;
  std::unique_lock<std::mutex> lock;
  ChangelogPlace place;  // after the commit
  Slot* slot = nullptr;  // instead of a changelog
  StateEntries entries;  // of the slot, after the commit
  const StateChange* change = nullptr;
  std::uint64_t bytes = 0;
};

std::string StateStore::TopicOf(std::string_view store) const {
  return options_.app_id + "-" + std::string(store) + "-changelog";
}

Status StateStore::Ensure(std::string_view store, std::int32_t partitions) {
  const std::string topic = TopicOf(store);
  TOCSIN_ASSIGN(auto existing, cluster_.Partitions(topic));
  if (!existing) {
    TOCSIN_TRY(cluster_.Create({.name = topic,
                                .partitions = partitions,
                                .replication = options_.replication,
                                .config = {{"cleanup.policy", "compact"},
                                           {"segment.bytes", "67108864"},
                                           {"min.cleanable.dirty.ratio", "0.3"},
                                           {"max.message.bytes", "2097152"}}}));
    TOCSIN_ASSIGN(existing, cluster_.Partitions(topic));
  }
  if (existing.value_or(0) != partitions) {
    return Fail(Code::kFailedPrecondition,
                "the state of " + std::string(store) + " was kept for " +
                    std::to_string(existing.value_or(0)) + " partitions (topic " + topic +
                    "), the input has " + std::to_string(partitions) +
                    "; give the input its old number of partitions, or set another KAFKA_APP_ID to "
                    "begin with an empty state");
  }
  const std::lock_guard lock(mutex_);
  partitions_.insert_or_assign(std::string(store), partitions);
  return {};
}

Result<std::int32_t> StateStore::PartitionsOf(std::string_view store) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = partitions_.find(store);
    if (found != partitions_.end()) return found->second;
  }
  TOCSIN_ASSIGN(const auto partitions, cluster_.Partitions(TopicOf(store)));
  return partitions.value_or(options_.state_partitions);
}

Status StateStore::EnsureMade(const std::string& store) {
  {
    const std::lock_guard lock(mutex_);
    if (partitions_.contains(store)) return {};
  }
  TOCSIN_ASSIGN(const auto existing, cluster_.Partitions(TopicOf(store)));
  return Ensure(store, existing.value_or(options_.state_partitions));
}

StateStore::Changelog& StateStore::Find(std::string_view store, std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Changelog>& found = changelogs_[{std::string(store), partition}];
  if (found == nullptr) {
    found = std::make_unique<Changelog>();
    found->topic = {TopicOf(store), partition};
  }
  return *found;
}

StateStore::Slot& StateStore::FindSlot(const StoreKey& key) {
  const std::lock_guard lock(mutex_);
  std::unique_ptr<Slot>& found = slots_[key];
  if (found == nullptr) found = std::make_unique<Slot>();
  return *found;
}

Status StateStore::LoadCopy(const StoreKey& key, Changelog& changelog, StateImage& image) {
  if (copy_ == nullptr) return {};
  std::string place;
  TOCSIN_TRY(copy_->ReadState(PlaceStore(key.first), key.second,
                              [&](std::string_view, std::string_view value) { place = value; }));
  constexpr std::size_t kPlaceBytes = 5 * sizeof(std::uint64_t);
  if (place.size() != kPlaceBytes) return {};
  const auto position = GetFixed<std::int64_t>(place.data() + 16);
  TOCSIN_ASSIGN(const std::int64_t end,
                cluster_.EndOffset(changelog.topic, Cluster::End::kWritten));
  if (position > end) return {};  // a copy of another topic of that name
  changelog.position = position;
  image.place = {GetFixed<std::uint64_t>(place.data()), GetFixed<std::uint64_t>(place.data() + 8)};
  image.size = {GetFixed<std::uint64_t>(place.data() + 24),
                GetFixed<std::uint64_t>(place.data() + 32)};
  if (!image.keep_entries()) return {};
  return copy_->ReadState(key.first, key.second,
                          [&](std::string_view entry, std::string_view value) {
                            image.entries.insert_or_assign(std::string(entry), std::string(value));
                          });
}

Status StateStore::Load(const StoreKey& key, Changelog& changelog, StateImage& image) {
  changelog.loaded = false;
  changelog.position = 0;
  TOCSIN_ASSIGN(const auto partitions, cluster_.Partitions(changelog.topic.topic));
  if (partitions && key.second < *partitions) {
    TOCSIN_TRY(LoadCopy(key, changelog, image));
    const SystemClock clock;
    std::int64_t told_us = clock.SteadyUs() + kProgressUs;
    const auto apply = [&](const RecordBatch& batch) -> Status {
      TOCSIN_TRY(image.Apply(batch));
      if (clock.SteadyUs() <= told_us) return {};
      told_us = clock.SteadyUs() + kProgressUs;
      LogInfo(kComponent, "reading the state",
              {{"topic", changelog.topic.topic},
               {"partition", std::to_string(changelog.topic.partition)},
               {"megabytes", std::to_string(image.bytes_read >> 20)},
               {"offset", std::to_string(batch.end_offset())}});
      return {};
    };
    TOCSIN_ASSIGN(changelog.position,
                  reader_.ReadToEnd(changelog.topic, changelog.position, apply));
  }
  changelog.place = image.place;
  changelog.size = image.size;
  changelog.loaded = true;
  return {};
}

Status StateStore::LoadSlot(const StoreKey& key, std::int32_t partitions, Slot& slot) {
  slot.loaded = false;
  slot.entries.clear();
  const TopicPartition topic{TopicOf(key.first), key.second % partitions};
  TOCSIN_ASSIGN(const auto existing, cluster_.Partitions(topic.topic));
  if (existing) {
    const auto take = [&](const RecordBatch& batch) -> Status {
      Record record;
      for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
        if (record.value.empty()) continue;
        TOCSIN_ASSIGN(const ChangelogEntry entry, DecodeChange(record.value));
        if (entry.slot != key.second) continue;
        slot.entries.clear();
        TOCSIN_TRY(ApplyPuts(entry.puts, slot.entries));
      }
      return {};
    };
    TOCSIN_TRY(reader_.ReadToEnd(topic, 0, take));
  }
  slot.loaded = true;
  return {};
}

Status StateStore::Read(std::string_view store, std::int32_t partition,
                        const std::function<void(std::string_view, std::string_view)>& visit) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionsOf(store));
  const StoreKey key{store, partition};
  if (partition >= partitions) {
    Slot& slot = FindSlot(key);
    const std::lock_guard lock(slot.mutex);
    TOCSIN_TRY(LoadSlot(key, partitions, slot));
    for (const auto& [entry, value] : slot.entries) visit(entry, value);
    return {};
  }
  StateImage image(true);
  {
    Changelog& changelog = Find(store, partition);
    const std::lock_guard lock(changelog.mutex);
    TOCSIN_TRY(Load(key, changelog, image));
    // The copy begins anew from what was read.
    SaveCopy(key, changelog, image.entries);
  }
  for (const auto& [entry, value] : image.entries) visit(entry, value);
  return {};
}

Result<StateSize> StateStore::Size(std::string_view store, std::int32_t partition) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionsOf(store));
  if (partition >= partitions) return StateSize();  // always written as a whole
  Changelog& changelog = Find(store, partition);
  const std::lock_guard lock(changelog.mutex);
  if (!changelog.loaded) {
    StateImage image(false);
    TOCSIN_TRY(Load({std::string(store), partition}, changelog, image));
  }
  return changelog.size;
}

Result<std::vector<StoreKey>> StateStore::List() {
  const std::string before = options_.app_id + "-";
  constexpr std::string_view kBehind = "-changelog";
  std::set<StoreKey> found;
  TOCSIN_ASSIGN(const auto topics, cluster_.Topics());
  for (const TopicInfo& topic : topics) {
    if (!topic.name.starts_with(before) || !topic.name.ends_with(kBehind)) continue;
    if (topic.name.size() <= before.size() + kBehind.size()) continue;
    const std::string store =
        topic.name.substr(before.size(), topic.name.size() - before.size() - kBehind.size());
    for (std::int32_t i = 0; i < topic.partitions; ++i) {
      const auto look = [&](const RecordBatch& batch) -> Status {
        Record record;
        for (RecordBatch::Cursor cursor(batch); cursor.Next(record);) {
          if (record.value.empty()) continue;
          TOCSIN_ASSIGN(const ChangelogEntry entry, DecodeChange(record.value));
          found.emplace(store, entry.slot.value_or(i));
        }
        return {};
      };
      TOCSIN_TRY(reader_.ReadToEnd({topic.name, i}, 0, look));
    }
  }
  return std::vector<StoreKey>(found.begin(), found.end());
}

Result<StateStore::Write> StateStore::Begin(const std::map<StoreKey, StateChange>& changes) {
  Write write;
  for (const auto& [key, change] : changes) {
    TOCSIN_TRY(EnsureMade(key.first));
    TOCSIN_ASSIGN(const std::int32_t partitions, PartitionsOf(key.first));
    TOCSIN_TRY(key.second < partitions ? BeginChange(key, change, write)
                                       : BeginSlot(key, partitions, change, write));
  }
  return write;
}

Status StateStore::BeginChange(const StoreKey& key, const StateChange& change, Write& write) {
  auto pending = std::make_shared<Write::Pending>();
  pending->store = this;
  pending->key = key;
  pending->changelog = &Find(key.first, key.second);
  // In the order of the keys: no two transactions can wait for each other.
  pending->lock = std::unique_lock(pending->changelog->mutex);
  if (!pending->changelog->loaded) {
    StateImage image(false);
    TOCSIN_TRY(Load(key, *pending->changelog, image));
  }
  pending->place = pending->changelog->place;
  pending->change = &change;
  pending->bytes = change.bytes();
  RecordBatchBuilder builder;
  for (const ChangelogRecord& record : EncodeChange(change, pending->place)) {
    builder.Append(record.key, record.value);
  }
  const TopicPartition& topic = pending->changelog->topic;
  write.Add(topic, builder, std::move(pending));
  return {};
}

Status StateStore::BeginSlot(const StoreKey& key, std::int32_t partitions,
                             const StateChange& change, Write& write) {
  auto pending = std::make_shared<Write::Pending>();
  pending->store = this;
  pending->key = key;
  pending->slot = &FindSlot(key);
  pending->lock = std::unique_lock(pending->slot->mutex);
  if (!change.replace) {
    if (!pending->slot->loaded) TOCSIN_TRY(LoadSlot(key, partitions, *pending->slot));
    pending->entries = pending->slot->entries;
  }
  for (const std::string& blob : change.blobs) TOCSIN_TRY(ApplyPuts(blob, pending->entries));
  const ChangelogRecord record =
      EncodeSlot(key.second, {pending->entries.begin(), pending->entries.end()});
  RecordBatchBuilder builder;
  builder.Append(record.key, record.value);
  write.Add({TopicOf(key.first), key.second % partitions}, builder, std::move(pending));
  return {};
}

void StateStore::Write::Add(const TopicPartition& partition, RecordBatchBuilder& builder,
                            std::shared_ptr<Pending> pending) {
  Part part{.partition = partition, .payload = {}, .count = 0};
  std::tie(part.payload, part.count) = builder.Take();
  part.payload.append(kRecordPadding, '\0');
  parts_.push_back(std::move(part));
  pending_.push_back(std::move(pending));
}

void StateStore::Write::Committed(bool marked) {
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    Pending& pending = *pending_[i];
    if (pending.slot != nullptr) {
      pending.slot->entries = std::move(pending.entries);
      pending.slot->loaded = true;
      pending.lock.unlock();
      continue;
    }
    Changelog& changelog = *pending.changelog;
    changelog.place = pending.place;
    if (pending.change->replace) changelog.size = {};
    (pending.change->replace ? changelog.size.snapshot_bytes : changelog.size.delta_bytes) +=
        pending.bytes;
    // At least: aborted transactions before this one took offsets, too.
    changelog.position += parts_[i].count + (marked ? 1 : 0);
    pending.store->SaveCopy(pending.key, changelog, *pending.change);
    pending.lock.unlock();
  }
  pending_.clear();
  parts_.clear();
}

Status StateStore::SavePlace(Transaction& transaction, const StoreKey& key,
                             const Changelog& changelog) {
  std::string place;
  PutFixed(place, changelog.place.generation);
  PutFixed(place, changelog.place.next);
  PutFixed(place, changelog.position);
  PutFixed(place, changelog.size.snapshot_bytes);
  PutFixed(place, changelog.size.delta_bytes);
  transaction.ReplaceState(PlaceStore(key.first), key.second);
  transaction.PutState(PlaceStore(key.first), key.second, kPlaceKey, place);
  TOCSIN_TRY(transaction.Commit());
  return {};
}

// The copy follows the changelog: what is not yet in it is read from there again.
void StateStore::SaveCopy(const StoreKey& key, const Changelog& changelog,
                          const StateChange& change) {
  if (copy_ == nullptr) return;
  const Status saved = [&]() -> Status {
    TOCSIN_ASSIGN(const auto transaction, copy_->Begin({.durable = false}));
    if (change.replace) transaction->ReplaceState(key.first, key.second);
    for (const std::string& blob : change.blobs) {
      TOCSIN_TRY(VisitPuts(blob, [&](std::string_view entry, std::string_view value) {
        transaction->PutState(key.first, key.second, entry, value);
      }));
    }
    return SavePlace(*transaction, key, changelog);
  }();
  if (!saved) WarnOfCopy(key.first, saved.error());
}

void StateStore::SaveCopy(const StoreKey& key, const Changelog& changelog,
                          const StateEntries& all) {
  if (copy_ == nullptr) return;
  const Status saved = [&]() -> Status {
    TOCSIN_ASSIGN(const auto transaction, copy_->Begin({.durable = false}));
    transaction->ReplaceState(key.first, key.second);
    for (const auto& [entry, value] : all) {
      transaction->PutState(key.first, key.second, entry, value);
    }
    return SavePlace(*transaction, key, changelog);
  }();
  if (!saved) WarnOfCopy(key.first, saved.error());
}

}  // namespace tocsin
