#include "migrate/migrate.h"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <optional>

namespace tocsin {
namespace {

constexpr std::size_t kFetchBytes = 1u << 20;
constexpr std::size_t kCommitBytes = 8u << 20;

std::uint64_t HashOf(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

// Chained, so that the order counts.
std::uint64_t HashOf(const Record& record, std::uint64_t seed) {
  seed = HashOf(record.key.value_or(""), seed + (record.key ? 1 : 0));
  return HashOf(record.encoded_headers, HashOf(record.value, seed));
}

struct Content {
  std::uint64_t records = 0;
  std::uint64_t hash = 0;
};

// Every record from the partition's begin on.
using RecordVisitor = std::function<Status(const Record&)>;
Status VisitRecords(Log& log, const TopicPartition& partition, const std::stop_token& stop,
                    const RecordVisitor& visit) {
  TOCSIN_ASSIGN(const PartitionOffsets offsets, log.Offsets(partition));
  for (std::int64_t next = offsets.earliest; next < offsets.latest;) {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped in the midst of a migration");
    TOCSIN_ASSIGN(const auto batches, log.Fetch(partition, next, kFetchBytes));
    if (batches.empty()) break;  // only the marks of transactions are left
    for (const auto& batch : batches) {
      Record record;
      for (RecordBatch::Cursor cursor(*batch); cursor.Next(record);) {
        if (record.offset >= next) TOCSIN_TRY(visit(record));
      }
      next = batch->end_offset();
    }
  }
  return {};
}

// Copies one partition and learns where each place of a group comes to lie.
class PartitionCopy {
 public:
  PartitionCopy(Log& to, TopicPartition partition, std::map<std::int64_t, std::int64_t>& places)
      : to_(to), partition_(std::move(partition)), places_(places) {}

  Status Add(const Record& record) {
    for (auto place = places_.lower_bound(reached_);
         place != places_.end() && place->first <= record.offset; ++place) {
      pending_.emplace_back(place->first, builder_.count());
    }
    reached_ = record.offset + 1;
    builder_.Append(record.key, record.value, record.encoded_headers);
    content_.hash = HashOf(record, content_.hash);
    ++content_.records;
    return builder_.payload_bytes() >= kCommitBytes ? Flush() : Status();
  }
  Status Finish() {
    TOCSIN_TRY(Flush());
    for (auto place = places_.lower_bound(reached_); place != places_.end(); ++place) {
      place->second = end_;
    }
    return {};
  }
  const Content& content() const { return content_; }

 private:
  Status Flush() {
    if (builder_.empty()) return {};
    TOCSIN_ASSIGN(const auto transaction, to_.Begin());
    TOCSIN_TRY(transaction->Append(partition_, builder_));
    TOCSIN_ASSIGN(const auto ranges, transaction->Commit());
    for (const auto& [from, index] : pending_) {
      places_[from] = ranges.front().base_offset + static_cast<std::int64_t>(index);
    }
    pending_.clear();
    end_ = ranges.front().base_offset + ranges.front().count;
    return {};
  }

  Log& to_;
  const TopicPartition partition_;
  std::map<std::int64_t, std::int64_t>& places_;  // in the source to in the target
  RecordBatchBuilder builder_;
  std::vector<std::pair<std::int64_t, std::uint32_t>> pending_;  // place, index in the builder
  std::int64_t reached_ = 0;
  std::int64_t end_ = 0;
  Content content_;
};

Status RequireEmpty(Log& to, const MigrationPlan& plan, const std::vector<TopicInfo>& existing) {
  const auto find = [&](const std::string& name) {
    return std::ranges::find(existing, name, &TopicInfo::name);
  };
  for (const std::string& topic : plan.topics) {
    if (find(topic) == existing.end()) continue;
    for (std::int32_t i = 0; i < find(topic)->partitions; ++i) {
      TOCSIN_TRY(VisitRecords(to, {topic, i}, {}, [&](const Record&) -> Status {
        return Fail(Code::kFailedPrecondition,
                    "topic " + topic + " of the target holds records; migrate needs empty topics");
      }));
    }
  }
  for (const MigrationPlan::Group& group : plan.groups) {
    if (find(group.topic) == existing.end()) continue;
    TOCSIN_ASSIGN(const auto place, to.CommittedOffset(group.to, {group.topic, 0}));
    if (!place) continue;
    return Fail(Code::kFailedPrecondition, "group " + group.to +
                                               " has a place in the target already; migrate needs "
                                               "a log that nobody has used");
  }
  for (const MigrationPlan::Store& store : plan.stores) {
    for (const std::int32_t partition : store.with_content) {
      bool empty = true;
      TOCSIN_TRY(to.ReadState(store.name, partition,
                              [&](std::string_view, std::string_view) { empty = false; }));
      if (empty) continue;
      return Fail(Code::kFailedPrecondition, "the state of " + store.name +
                                                 " in the target is not empty; migrate needs a log "
                                                 "that nobody has used");
    }
  }
  return {};
}

class Migration {
 public:
  Migration(Log& from, Log& to, const MigrationPlan& plan,
            const std::function<void(std::uint64_t)>& progress, std::stop_token stop)
      : from_(from), to_(to), plan_(plan), progress_(progress), stop_(std::move(stop)) {}

  Result<MigrationReport> Run() {
    TOCSIN_ASSIGN(const auto existing, to_.Topics());
    TOCSIN_TRY(RequireEmpty(to_, plan_, existing));
    for (const std::string& topic : plan_.topics) TOCSIN_TRY(CopyTopic(topic));
    for (const MigrationPlan::Store& store : plan_.stores) TOCSIN_TRY(CopyStore(store));
    return report_;
  }

 private:
  Status CopyTopic(const std::string& topic) {
    TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(from_, topic));
    TopicConfig config = plan_.config;
    config.partitions = partitions;
    TOCSIN_TRY(to_.EnsureTopic(topic, config));
    MigrationReport::Topic& sum = report_.topics.emplace_back();
    sum.name = topic;
    sum.partitions = partitions;
    for (std::int32_t i = 0; i < partitions; ++i) {
      TOCSIN_TRY(CopyPartition({topic, i}, sum));
    }
    return {};
  }

  Status CopyPartition(const TopicPartition& partition, MigrationReport::Topic& sum) {
    std::map<std::int64_t, std::int64_t> places;
    std::vector<std::pair<std::string, std::int64_t>> groups;  // name in the target, place
    for (const MigrationPlan::Group& group : plan_.groups) {
      if (group.topic != partition.topic) continue;
      TOCSIN_ASSIGN(const auto place, from_.CommittedOffset(group.from, partition));
      if (!place) continue;
      groups.emplace_back(group.to, *place);
      places.emplace(*place, 0);
    }
    PartitionCopy copy(to_, partition, places);
    Status copied = VisitRecords(from_, partition, stop_, [&](const Record& record) -> Status {
      if (++records_ % 10'000 == 0) progress_(records_);
      return copy.Add(record);
    });
    TOCSIN_TRY(std::move(copied));
    TOCSIN_TRY(copy.Finish());
    for (const auto& [group, place] : groups) {
      TOCSIN_ASSIGN(const auto transaction, to_.Begin());
      transaction->CommitOffset(group, partition, places.at(place));
      TOCSIN_TRY(transaction->Commit());
      ++report_.offsets;
    }
    Content back;
    TOCSIN_TRY(VisitRecords(to_, partition, stop_, [&](const Record& record) -> Status {
      back.hash = HashOf(record, back.hash);
      ++back.records;
      return {};
    }));
    if (back.records != copy.content().records || back.hash != copy.content().hash) {
      return Fail(Code::kDataLoss,
                  "partition " + partition.topic + "/" + std::to_string(partition.partition) +
                      " came out as " + std::to_string(back.records) + " records instead of " +
                      std::to_string(copy.content().records) + ", or with other bytes");
    }
    sum.records += back.records;
    sum.hash ^= HashOf(std::to_string(partition.partition), back.hash);
    return {};
  }

  static Result<Content> ContentOf(Log& log, const std::string& store, std::int32_t partition,
                                   Transaction* target) {
    Content content;
    TOCSIN_TRY(log.ReadState(store, partition, [&](std::string_view key, std::string_view value) {
      content.hash += HashOf(value, HashOf(key, 0));  // in any order
      ++content.records;
      if (target != nullptr) target->PutState(store, partition, key, value);
    }));
    return content;
  }

  Status CopyStore(const MigrationPlan::Store& store) {
    if (store.partitions > 0) TOCSIN_TRY(to_.EnsureState(store.name, store.partitions));
    MigrationReport::State& sum = report_.states.emplace_back();
    sum.store = store.name;
    for (const std::int32_t partition : store.with_content) {
      if (stop_.stop_requested()) {
        return Fail(Code::kCancelled, "stopped in the midst of a migration");
      }
      TOCSIN_ASSIGN(const auto transaction, to_.Begin());
      transaction->ReplaceState(store.name, partition);
      TOCSIN_ASSIGN(const Content read, ContentOf(from_, store.name, partition, transaction.get()));
      TOCSIN_TRY(transaction->Commit());
      TOCSIN_ASSIGN(const Content back, ContentOf(to_, store.name, partition, nullptr));
      if (back.records != read.records || back.hash != read.hash) {
        return Fail(Code::kDataLoss, "the state of " + store.name + ", partition " +
                                         std::to_string(partition) + ", came out as " +
                                         std::to_string(back.records) + " entries instead of " +
                                         std::to_string(read.records) + ", or with other bytes");
      }
      sum.entries += back.records;
      sum.hash += back.hash;
    }
    return {};
  }

  Log& from_;
  Log& to_;
  const MigrationPlan& plan_;
  const std::function<void(std::uint64_t)>& progress_;
  const std::stop_token stop_;
  MigrationReport report_;
  std::uint64_t records_ = 0;
};

}  // namespace

Result<MigrationReport> Migrate(Log& from, Log& to, const MigrationPlan& plan,
                                const std::function<void(std::uint64_t records)>& progress,
                                std::stop_token stop) {
  return Migration(from, to, plan, progress, std::move(stop)).Run();
}

}  // namespace tocsin
