#include "log_backends/embedded_catalog.h"

#include <rocksdb/iterator.h>

#include "base/bytes.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

// Reports damage: an error, or a line in `problems` when the caller goes on.
class Damage {
 public:
  explicit Damage(std::vector<std::string>* problems) : problems_(problems) {}
  Status operator()(std::string what) const {
    if (problems_ == nullptr) return Fail(Code::kDataLoss, std::move(what));
    problems_->push_back(std::move(what));
    return {};
  }

 private:
  std::vector<std::string>* problems_;
};

using Entry = std::function<Status(std::string_view rest, std::string_view value)>;

// Calls `entry` with what follows `prefix` in each key that begins with it.
Status ForPrefix(const RocksStore& store, rocksdb::ColumnFamilyHandle* family,
                 std::string_view prefix, const Damage& damage, const Entry& entry) {
  const auto it = store.Iterate(family);
  for (it->Seek({prefix.data(), prefix.size()}); it->Valid(); it->Next()) {
    const std::string_view key = it->key().ToStringView();
    if (!key.starts_with(prefix)) break;
    TOCSIN_TRY(entry(key.substr(prefix.size()), it->value().ToStringView()));
  }
  if (it->status().ok()) return {};
  return damage("entries " + std::string(prefix) + " of the log: " + it->status().ToString());
}

// TOPIC \0 partition.
std::optional<TopicPartition> ParsePartition(std::string_view rest) {
  const std::size_t zero = rest.find('\0');
  if (zero == std::string_view::npos || rest.size() != zero + 5) return std::nullopt;
  return TopicPartition{std::string(rest.substr(0, zero)),
                        static_cast<std::int32_t>(GetBigEndian32(rest.data() + zero + 1))};
}

Status LoadTopics(const RocksStore& store, const Damage& damage, EmbeddedCatalog& catalog) {
  return ForPrefix(
      store, store.meta(), format::kTopicPrefix, damage,
      [&](std::string_view rest, std::string_view value) -> Status {
        const std::string topic(rest);
        const auto config = format::ParseTopicValue(value);
        if (!config || !CheckTopic(topic, *config)) return damage("entry of topic " + topic);
        for (std::int32_t i = 0; i < config->partitions; ++i) {
          if (store.FamilyOf({topic, i}) == nullptr) {
            return damage("partition " + topic + "/" + std::to_string(i) + " has no column family");
          }
        }
        catalog.Add(store, topic, *config);
        return {};
      });
}

Status LoadPlaces(const RocksStore& store, std::string_view prefix, const Damage& damage,
                  EmbeddedCatalog& catalog) {
  return ForPrefix(store, store.meta(), prefix, damage,
                   [&](std::string_view rest, std::string_view value) -> Status {
                     const auto id = ParsePartition(rest);
                     const auto place = format::ParsePlaceValue(value);
                     EmbeddedPartition* partition = id ? catalog.Find(*id) : nullptr;
                     if (partition == nullptr || !place || place->offset < 0) {
                       return damage("an entry " + std::string(prefix) + " cannot be read");
                     }
                     (prefix == format::kNextPrefix ? partition->next : partition->start) = *place;
                     return {};
                   });
}

Status LoadLost(const RocksStore& store, const Damage& damage, EmbeddedCatalog& catalog) {
  return ForPrefix(store, store.meta(), format::kLostPrefix, damage,
                   [&](std::string_view rest, std::string_view value) -> Status {
                     const auto key = format::ParseLostKey(rest);
                     const auto end = format::ParseOffsetValue(value);
                     EmbeddedPartition* partition = key ? catalog.Find(key->first) : nullptr;
                     if (partition == nullptr || !end) return damage("a lost range");
                     partition->lost.push_back({key->second, *end});
                     return {};
                   });
}

Status LoadGroups(const RocksStore& store, const Damage& damage, EmbeddedCatalog& catalog) {
  TOCSIN_TRY(ForPrefix(store, store.offsets(), format::kGroupPrefix, damage,
                       [&](std::string_view rest, std::string_view) -> Status {
                         const auto key = format::ParseGroupKey(rest);
                         EmbeddedTopic* topic = key ? catalog.FindTopic(key->second) : nullptr;
                         if (topic == nullptr) return damage("a registered group");
                         topic->groups.insert(key->first);
                         return {};
                       }));
  return ForPrefix(store, store.offsets(), format::kOffsetPrefix, damage,
                   [&](std::string_view rest, std::string_view value) -> Status {
                     auto key = format::ParseOffsetKey(rest);
                     const auto offset = format::ParseOffsetValue(value);
                     if (!key || !offset) return damage("a committed offset");
                     catalog.offsets[std::move(*key)] = *offset;
                     return {};
                   });
}

Status LoadStates(const RocksStore& store, const Damage& damage, EmbeddedCatalog& catalog) {
  return ForPrefix(
      store, store.state(), {}, damage,
      [&](std::string_view rest, std::string_view value) -> Status {
        const auto key = format::ParseStateKey(rest);
        if (!key) return damage("a key of the state");
        StateIndex& index = catalog.states[format::StatePrefix(key->store, key->partition)];
        if (index.next_sequence == 0) index.first_sequence = key->sequence;
        index.next_sequence = key->sequence + 1;
        if (key->kind == format::StateKind::kSnapshot) {
          index.snapshots = index.next_sequence - index.first_sequence;
        }
        (key->kind == format::StateKind::kSnapshot ? index.size.snapshot_bytes
                                                   : index.size.delta_bytes) += value.size();
        return {};
      });
}

Status CheckFormat(const RocksStore& store, const Damage& damage, EmbeddedCatalog& catalog) {
  TOCSIN_TRY(ForPrefix(store, store.meta(), format::kFormatKey, damage,
                       [&](std::string_view, std::string_view value) -> Status {
                         if (value.size() != 4) return damage("the format version");
                         const auto version = GetFixed<std::uint32_t>(value.data());
                         if (version != format::kVersion) {
                           return Fail(Code::kFailedPrecondition,
                                       "the log has format " + std::to_string(version) +
                                           ", this program reads format " +
                                           std::to_string(format::kVersion) +
                                           "; use the program that wrote it");
                         }
                         catalog.formatted = true;
                         return {};
                       }));
  if (!catalog.formatted && !store.Families().empty()) {
    return damage("the log has partitions but no format version");
  }
  return {};
}

}  // namespace

std::int64_t EmbeddedPartition::SkipLost(std::int64_t offset) const {
  for (const OffsetRange& range : lost) {
    if (offset >= range.first && offset < range.end) offset = range.end;
  }
  return offset;
}

std::int64_t EmbeddedPartition::ReadableEnd() const {
  if (lost.empty() || lost.back().end != next.offset) return next.offset;
  return std::max(start.offset, lost.back().first);
}

std::uint64_t EmbeddedTopic::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& partition : partitions) sum += partition->bytes();
  return sum;
}

EmbeddedTopic* EmbeddedCatalog::FindTopic(std::string_view topic) {
  const auto found = topics.find(topic);
  return found == topics.end() ? nullptr : &found->second;
}

EmbeddedPartition* EmbeddedCatalog::Find(const TopicPartition& partition) {
  EmbeddedTopic* topic = FindTopic(partition.topic);
  if (topic == nullptr || partition.partition < 0) return nullptr;
  const auto index = static_cast<std::size_t>(partition.partition);
  return index < topic->partitions.size() ? topic->partitions[index].get() : nullptr;
}

Result<EmbeddedPartition*> EmbeddedCatalog::Get(const TopicPartition& partition) {
  if (EmbeddedPartition* found = Find(partition)) return found;
  if (FindTopic(partition.topic) == nullptr) {
    return Fail(Code::kNotFound, "topic " + partition.topic + " does not exist");
  }
  return Fail(Code::kNotFound, "topic " + partition.topic + " has no partition " +
                                   std::to_string(partition.partition));
}

EmbeddedTopic& EmbeddedCatalog::Add(const RocksStore& store, const std::string& topic,
                                    const TopicConfig& config) {
  EmbeddedTopic& added = topics[topic];
  added.config = config;
  for (std::int32_t i = 0; i < config.partitions; ++i) {
    auto partition = std::make_unique<EmbeddedPartition>();
    partition->id = {topic, i};
    partition->family = store.FamilyOf(partition->id);
    partition->slot = slots++;
    added.partitions.push_back(std::move(partition));
  }
  return added;
}

Result<EmbeddedCatalog> LoadCatalog(const RocksStore& store, std::vector<std::string>* problems) {
  EmbeddedCatalog catalog;
  const Damage damage(problems);
  TOCSIN_TRY(CheckFormat(store, damage, catalog));
  TOCSIN_TRY(LoadTopics(store, damage, catalog));
  TOCSIN_TRY(LoadPlaces(store, format::kNextPrefix, damage, catalog));
  TOCSIN_TRY(LoadPlaces(store, format::kStartPrefix, damage, catalog));
  TOCSIN_TRY(LoadLost(store, damage, catalog));
  TOCSIN_TRY(LoadGroups(store, damage, catalog));
  TOCSIN_TRY(LoadStates(store, damage, catalog));
  for (auto& [name, topic] : catalog.topics) {
    for (auto& partition : topic.partitions) partition->writing = partition->next;
  }
  return catalog;
}

}  // namespace tocsin
