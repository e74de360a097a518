#include "log_backends/partition_walk.h"

#include <rocksdb/iterator.h>

#include <algorithm>
#include <limits>

#include "base/bytes.h"
#include "log/record_batch.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

std::int64_t OffsetOf(const rocksdb::Iterator& it) {
  if (it.key().size() != sizeof(std::uint64_t)) return -1;
  return static_cast<std::int64_t>(GetBigEndian64(it.key().data()));
}

class Walker {
 public:
  Walker(const RocksStore& store, const EmbeddedPartition& partition, WalkDepth depth,
         const WalkProgress& progress)
      : store_(store),
        it_(store.Iterate(partition.family)),
        partition_(partition),
        depth_(depth),
        progress_(progress) {}

  PartitionWalk Run(std::int64_t from);

 private:
  void Seek(std::int64_t offset) { it_->Seek(format::BatchKey(offset)); }
  void Problem(std::string what) {
    walk_.problems.push_back(partition_.Name() + ": " + std::move(what));
  }
  void Missing(std::int64_t end);
  void PassUnreadable();
  bool TakeBatch(std::int64_t base);
  void CheckEnd();

  const RocksStore& store_;
  std::unique_ptr<rocksdb::Iterator> it_;
  const EmbeddedPartition& partition_;
  const WalkDepth depth_;
  const WalkProgress& progress_;
  PartitionWalk walk_;
  std::int64_t expected_ = 0;
  // The log position at expected_; unknown behind a gap.
  std::uint64_t position_ = 0;
  bool position_known_ = false;
};

// Offsets [expected_, end) are not there.
void Walker::Missing(std::int64_t end) {
  if (end <= expected_) return;
  if (!walk_.missing.empty() && walk_.missing.back().end == expected_) {
    walk_.missing.back().end = end;
  } else {
    walk_.missing.push_back({expected_, end});
  }
  expected_ = end;
  position_known_ = false;
}

// The iterator stands on a damaged block: finds the first offset behind it from which reading
// works again. Seeking fails for every offset inside the block and works behind it.
void Walker::PassUnreadable() {
  Problem("after offset " + std::to_string(expected_) + ": " + it_->status().ToString());
  std::int64_t bad = expected_;
  std::int64_t good = std::max(partition_.next.offset, expected_ + 1);
  while (good - bad > 1) {
    const std::int64_t middle = bad + (good - bad) / 2;
    it_ = store_.Iterate(partition_.family);  // a failed one may remember the damaged block
    Seek(middle);
    (it_->status().ok() ? good : bad) = middle;
  }
  it_ = store_.Iterate(partition_.family);
  Seek(good);
  Missing(std::min(it_->Valid() ? OffsetOf(*it_) : good, partition_.next.offset));
}

// False when the batch cannot be used.
bool Walker::TakeBatch(std::int64_t base) {
  const std::string_view stored = it_->value().ToStringView();
  auto info = ReadBatchInfo(stored);
  if (info && info->base_offset != base) {
    Problem("the batch at offset " + std::to_string(base) + " says that it begins at " +
            std::to_string(info->base_offset));
    return false;
  }
  if (info && depth_ == WalkDepth::kContents) {
    if (auto batch = DecodeBatch(stored); !batch) info = std::unexpected(batch.error());
  }
  if (!info) {
    Problem("the batch at offset " + std::to_string(base) + ": " + info.error().message());
    return false;
  }
  if (position_known_ && info->log_position != position_) {
    Problem("the batch at offset " + std::to_string(base) + " has log position " +
            std::to_string(info->log_position) + " instead of " + std::to_string(position_));
  }
  ++walk_.batches;
  walk_.records += info->count;
  walk_.bytes += stored.size();
  expected_ = base + info->count;
  position_ = info->log_position + stored.size();
  position_known_ = true;
  walk_.end = {expected_, position_};
  if (progress_) progress_(stored.size());
  return true;
}

void Walker::CheckEnd() {
  if (expected_ > partition_.next.offset) {
    Problem("batches reach to offset " + std::to_string(expected_) + ", beyond the recorded end " +
            std::to_string(partition_.next.offset));
    return;
  }
  Missing(partition_.next.offset);
  if (position_known_ && position_ != partition_.next.position) {
    Problem("the log position at the end is " + std::to_string(position_) + " instead of " +
            std::to_string(partition_.next.position));
  }
}

PartitionWalk Walker::Run(std::int64_t from) {
  expected_ = from;
  if (from == partition_.start.offset) {
    position_ = partition_.start.position;
    position_known_ = true;
  }
  walk_.end = {expected_, position_};
  Seek(expected_);
  for (;;) {
    if (const std::int64_t behind = partition_.SkipLost(expected_); behind != expected_) {
      expected_ = behind;
      position_known_ = false;
      Seek(expected_);
    }
    if (!it_->Valid()) {
      if (it_->status().ok()) break;
      const std::int64_t before = expected_;
      PassUnreadable();
      if (expected_ == before || expected_ >= partition_.next.offset) break;
      continue;
    }
    const std::int64_t base = OffsetOf(*it_);
    if (base < expected_) {
      Problem("the batch at offset " + std::to_string(base) + " overlaps the one before it");
    } else {
      Missing(base);
      TakeBatch(base);  // one that cannot be used shows as a gap before the next
    }
    it_->Next();
  }
  CheckEnd();
  return std::move(walk_);
}

}  // namespace

PartitionWalk WalkPartition(const RocksStore& store, const EmbeddedPartition& partition,
                            std::int64_t from, WalkDepth depth, const WalkProgress& progress) {
  return Walker(store, partition, depth, progress).Run(from);
}

std::int64_t RecoveredFrom(const RocksStore& store, const EmbeddedPartition& partition) {
  const std::int64_t start = partition.start.offset;
  const auto it = store.Iterate(partition.family);
  const auto recovered = store.recovered().find(format::FamilyName(partition.id));
  if (recovered == store.recovered().end()) {
    it->SeekToLast();
  } else {
    it->Seek(recovered->second);
    if (it->Valid()) it->Prev();
  }
  // Damage on the way shows when everything is walked.
  if (!it->Valid()) return start;
  return std::max(start, OffsetOf(*it));
}

}  // namespace tocsin
