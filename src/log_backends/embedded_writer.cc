#include "log_backends/embedded_writer.h"

#include <rocksdb/write_batch.h>

#include <algorithm>

#include "base/test_switch.h"

namespace tocsin {
namespace {

namespace format = embedded_format;

// A key and the frame of an entry of a write batch, generously.
constexpr std::size_t kEntryBytes = 64;

std::size_t BytesOf(const std::vector<PendingCommit*>& group) {
  std::size_t bytes = 4096;
  for (const PendingCommit* commit : group) {
    for (const PendingAppend& append : commit->appends) bytes += append.stored.size() + kEntryBytes;
    for (const auto& [prefix, state] : commit->state) {
      for (const std::string& blob : state.blobs) bytes += blob.size() + kEntryBytes;
    }
    bytes += commit->offsets.size() * 2 * kEntryBytes;
  }
  return bytes;
}

// WriteBatch::Put fails only for an unknown family or a batch that is full, which are ours.
void Put(rocksdb::WriteBatch& batch, rocksdb::ColumnFamilyHandle* family, const std::string& key,
         const std::string& value) {
  static_cast<void>(batch.Put(family, key, value));
}

}  // namespace

Result<std::vector<AppendedRange>> EmbeddedWriter::Submit(PendingCommit& commit) {
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(&commit);
  queue_changed_.wait(lock, [&] { return commit.done || !leading_; });
  if (!commit.done) {
    leading_ = true;
    const std::vector<PendingCommit*> group = std::exchange(queue_, {});
    lock.unlock();
    WriteGroup(group);
    lock.lock();
    for (PendingCommit* written : group) written->done = true;
    leading_ = false;
    lock.unlock();
    queue_changed_.notify_all();
  }
  return std::move(commit.result);
}

Status EmbeddedWriter::CheckUsable() const {
  if (!failure_) return {};
  return Fail(Code::kDiskError, "the log takes no more writes since one failed (" + *failure_ +
                                    "); mend the disk and start again");
}

Status EmbeddedWriter::Write(rocksdb::WriteBatch& batch, bool sync) {
  TOCSIN_TRY(CheckUsable());
  const std::int64_t begin_us = core_.clock.SteadyUs();
  Status written = core_.store->Write(batch, sync);
  const std::int64_t took_us = core_.clock.SteadyUs() - begin_us;
  if (!written) {
    failure_ = written.error().message();
    core_.store->Abandon();
    return Fail(Code::kDiskError, "the log in " + core_.options.directory + ": " + *failure_);
  }
  const std::lock_guard lock(core_.mutex);
  ++core_.statistics.syncs;
  core_.statistics.sync_us_total += static_cast<std::uint64_t>(took_us);
  return {};
}

void EmbeddedWriter::WriteGroup(const std::vector<PendingCommit*>& group) {
  const auto exclusive = Exclude();
  touched_.clear();
  appended_.clear();
  states_.clear();
  if (Status written = WriteAll(group); !written) {
    for (PendingCommit* commit : group) commit->result = std::unexpected(written.error());
    return;
  }
  Publish(group);
}

Status EmbeddedWriter::WriteAll(const std::vector<PendingCommit*>& group) {
  TOCSIN_TRY(CheckUsable());
  rocksdb::WriteBatch batch(BytesOf(group));
  const std::int64_t now_ms = core_.clock.WallUs() / 1000;
  static const bool state_outside = TestSwitch("state_outside_txn");
  static const bool sync_off = TestSwitch("sync_off");
  const bool durable = std::ranges::any_of(group, &PendingCommit::durable);
  const bool sync = durable && !sync_off;
  rocksdb::WriteBatch apart;
  for (PendingCommit* commit : group) {
    AddAppends(*commit, batch, now_ms);
    AddOffsets(*commit, batch);
    AddState(*commit, state_outside ? apart : batch);
  }
  AddEnds(batch);
  if (apart.Count() > 0) TOCSIN_TRY(Write(apart, sync));
  return batch.Count() == 0 ? Status() : Write(batch, sync);
}

void EmbeddedWriter::AddAppends(PendingCommit& commit, rocksdb::WriteBatch& batch,
                                std::int64_t now_ms) {
  std::vector<AppendedRange> ranges;
  ranges.reserve(commit.appends.size());
  for (PendingAppend& append : commit.appends) {
    EmbeddedPartition& partition = *append.partition;
    if (partition.writing.offset == partition.next.offset) {
      partition.writing = partition.next;
      touched_.push_back(&partition);
    }
    const std::int64_t base = partition.writing.offset;
    SealBatch(append.stored, base, now_ms, partition.writing.position);
    Put(batch, partition.family, format::BatchKey(base), append.stored);
    partition.writing.offset += append.count;
    partition.writing.position += append.stored.size();
    appended_.emplace_back(&partition, std::make_shared<const RecordBatch>(
                                           std::move(append.payload), append.count, base, now_ms));
    ranges.push_back({partition.id, base, append.count});
  }
  commit.result = std::move(ranges);
}

void EmbeddedWriter::AddOffsets(const PendingCommit& commit, rocksdb::WriteBatch& batch) {
  for (const auto& [group, partition, next] : commit.offsets) {
    Put(batch, core_.store->offsets(), format::OffsetKey(group, partition),
        format::OffsetValue(next));
  }
}

void EmbeddedWriter::AddState(const PendingCommit& commit, rocksdb::WriteBatch& batch) {
  for (const auto& [prefix, state] : commit.state) {
    auto known = states_.find(prefix);
    if (known == states_.end()) {
      const auto stored = core_.catalog.states.find(prefix);
      known =
          states_
              .emplace(prefix, stored == core_.catalog.states.end() ? StateIndex() : stored->second)
              .first;
    }
    StateIndex& index = known->second;
    if (state.replace) RemoveState(prefix, index, batch);
    const auto kind = state.replace ? format::StateKind::kSnapshot : format::StateKind::kDelta;
    for (const std::string& blob : state.blobs) {
      Put(batch, core_.store->state(), format::StateBlobKey(prefix, index.next_sequence++, kind),
          blob);
      if (state.replace) ++index.snapshots;
      (state.replace ? index.size.snapshot_bytes : index.size.delta_bytes) += blob.size();
    }
  }
}

// The store takes a few keys better than a range, and ranges only when they do not overlap: its
// flushes cut overlapping ones into pieces, as many as the square of their number.
void EmbeddedWriter::RemoveState(const std::string& prefix, StateIndex& index,
                                 rocksdb::WriteBatch& batch) {
  constexpr std::uint64_t kFewBlobs = 8;
  const std::uint64_t count = index.next_sequence - index.first_sequence;
  if (count > kFewBlobs) {
    static_cast<void>(batch.DeleteRange(core_.store->state(),
                                        format::StateSequenceKey(prefix, index.first_sequence),
                                        format::StateSequenceKey(prefix, index.next_sequence)));
  } else {
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto kind =
          i < index.snapshots ? format::StateKind::kSnapshot : format::StateKind::kDelta;
      static_cast<void>(batch.Delete(core_.store->state(),
                                     format::StateBlobKey(prefix, index.first_sequence + i, kind)));
    }
  }
  index.first_sequence = index.next_sequence;
  index.snapshots = 0;
  index.size = {};
}

void EmbeddedWriter::AddEnds(rocksdb::WriteBatch& batch) {
  for (const EmbeddedPartition* partition : touched_) {
    Put(batch, core_.store->meta(), format::PlaceKey(format::kNextPrefix, partition->id),
        format::PlaceValue(partition->writing));
  }
}

void EmbeddedWriter::Publish(const std::vector<PendingCommit*>& group) {
  {
    const std::lock_guard lock(core_.mutex);
    for (EmbeddedPartition* partition : touched_) partition->next = partition->writing;
    for (auto& [partition, batch] : appended_) core_.cache.Add(partition->slot, std::move(batch));
    for (const PendingCommit* commit : group) {
      for (const auto& [name, partition, next] : commit->offsets) {
        core_.catalog.offsets[{name, partition}] = next;
      }
    }
    for (auto& [prefix, index] : states_) core_.catalog.states[prefix] = index;
    core_.statistics.commits += group.size();
    if (!appended_.empty()) ++core_.append_count;
  }
  if (!appended_.empty()) core_.appended.notify_all();
}

}  // namespace tocsin
