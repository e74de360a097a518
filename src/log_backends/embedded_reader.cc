#include "log_backends/embedded_reader.h"

#include <rocksdb/iterator.h>

#include <string>
#include <unordered_map>

#include "base/bytes.h"

namespace tocsin {
namespace {

namespace format = embedded_format;
using Batches = std::vector<std::shared_ptr<const RecordBatch>>;

std::unexpected<Error> OutOfRange(const EmbeddedPartition& partition, std::int64_t offset) {
  return Fail(Code::kInvalidArgument,
              "offset " + std::to_string(offset) + " of " + partition.Name() +
                  " is outside of the log, which holds " + std::to_string(partition.start.offset) +
                  " to " + std::to_string(partition.next.offset));
}

std::unexpected<Error> Damaged(const EmbeddedPartition& partition, std::int64_t offset,
                               const std::string& what) {
  return Fail(Code::kDataLoss, partition.Name() + " is damaged at offset " +
                                   std::to_string(offset) + " (" + what +
                                   "); stop, then run `tocsin doctor --repair`");
}

// Reads on from `expected`, the partition being as `seen` when the read began.
class StoreReader {
 public:
  StoreReader(EmbeddedCore& core, const EmbeddedPartition& partition, EmbeddedPartition seen)
      : core_(core),
        partition_(partition),
        seen_(std::move(seen)),
        it_(core.store->Iterate(seen_.family)) {}

  Result<Batches> Read(std::int64_t offset, std::size_t max_bytes);

 private:
  void Seek(std::int64_t offset);
  Result<std::shared_ptr<const RecordBatch>> Take(std::int64_t offset);
  // Retention may have overtaken the read.
  std::unexpected<Error> Explain(std::int64_t offset, const std::string& what);

  EmbeddedCore& core_;
  const EmbeddedPartition& partition_;
  const EmbeddedPartition seen_;
  const std::unique_ptr<rocksdb::Iterator> it_;
};

// To the batch that holds `offset`, or the first one behind it.
void StoreReader::Seek(std::int64_t offset) {
  const std::string key = format::BatchKey(offset);
  it_->Seek(key);
  if (it_->Valid() && it_->key() == key) return;
  it_->SeekForPrev(key);
  if (it_->Valid()) {
    const auto info = ReadBatchInfo(it_->value().ToStringView());
    // A header that cannot be read is left to Take(), which says so.
    if (!info || info->base_offset + info->count > offset) return;
  }
  it_->Seek(key);
}

std::unexpected<Error> StoreReader::Explain(std::int64_t offset, const std::string& what) {
  const std::lock_guard lock(core_.mutex);
  if (partition_.start.offset > offset) return OutOfRange(partition_, offset);
  return Damaged(partition_, offset, what);
}

Result<std::shared_ptr<const RecordBatch>> StoreReader::Take(std::int64_t offset) {
  if (!it_->Valid()) {
    return Explain(offset, it_->status().ok() ? "no batch follows" : it_->status().ToString());
  }
  auto batch = DecodeBatch(it_->value().ToStringView());
  if (!batch) return Explain(offset, batch.error().message());
  if ((*batch)->base_offset() > offset || (*batch)->end_offset() <= offset) {
    return Explain(offset, "the next batch begins at " + std::to_string((*batch)->base_offset()));
  }
  return batch;
}

Result<Batches> StoreReader::Read(std::int64_t offset, std::size_t max_bytes) {
  Batches found;
  bool placed = false;
  for (std::size_t bytes = 0; found.empty() || bytes < max_bytes;) {
    const std::int64_t readable = seen_.SkipLost(offset);
    if (readable >= seen_.next.offset) break;
    if (!placed || readable != offset) {
      Seek(readable);
    } else {
      it_->Next();
    }
    placed = true;
    auto batch = Take(readable);
    if (!batch) {
      // What was read before the damage is good; the next call meets it again.
      if (!found.empty()) break;
      return std::unexpected(std::move(batch).error());
    }
    bytes += (*batch)->payload_bytes();
    offset = (*batch)->end_offset();
    found.push_back(std::move(*batch));
  }
  return found;
}

// Applies a run of entries.
bool ApplyEntries(std::string_view blob, std::unordered_map<std::string, std::string>& entries) {
  const char* at = blob.data();
  const char* const end = at + blob.size();
  while (at < end) {
    std::string_view key;
    std::string_view value;
    at = ReadBytes(at, end, key);
    if (at == nullptr) return false;
    at = ReadBytes(at, end, value);
    if (at == nullptr) return false;
    if (value.empty()) {
      entries.erase(std::string(key));
    } else {
      entries.insert_or_assign(std::string(key), std::string(value));
    }
  }
  return true;
}

}  // namespace

Result<Batches> FetchBatches(EmbeddedCore& core, const TopicPartition& id, std::int64_t offset,
                             std::size_t max_bytes) {
  EmbeddedPartition* partition = nullptr;
  EmbeddedPartition seen;
  {
    const std::lock_guard lock(core.mutex);
    TOCSIN_ASSIGN(partition, core.catalog.Get(id));
    if (offset < partition->start.offset || offset > partition->next.offset) {
      return OutOfRange(*partition, offset);
    }
    if (offset == partition->next.offset) return Batches();
    Batches cached = core.cache.Find(partition->slot, offset, max_bytes);
    if (!cached.empty()) return cached;
    seen = *partition;
  }
  return StoreReader(core, *partition, std::move(seen)).Read(offset, max_bytes);
}

Status ReplayState(rocksdb::Iterator& it, std::string_view name, std::int32_t partition,
                   const std::function<void(std::string_view, std::string_view)>& visit) {
  const std::string prefix = format::StatePrefix(name, partition);
  const std::string what = "state of " + std::string(name) + "/" + std::to_string(partition);
  std::unordered_map<std::string, std::string> entries;
  for (it.Seek(prefix); it.Valid() && it.key().starts_with(prefix); it.Next()) {
    if (!ApplyEntries(it.value().ToStringView(), entries)) {
      return Fail(Code::kDataLoss,
                  what + " cannot be read; stop, then run `tocsin doctor --repair`");
    }
  }
  TOCSIN_TRY(FromRocks(it.status(), what));
  for (const auto& [key, value] : entries) visit(key, value);
  return {};
}

}  // namespace tocsin
