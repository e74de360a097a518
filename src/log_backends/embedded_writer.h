#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "log/log.h"
#include "log_backends/embedded_catalog.h"
#include "log_backends/rocks_store.h"
#include "log_backends/tail_cache.h"

namespace tocsin {

struct PendingAppend {
  EmbeddedPartition* partition = nullptr;
  std::string payload;  // with kRecordPadding
  std::uint32_t count = 0;
  std::string stored;  // encoded, not yet sealed
};

struct PendingState {
  bool replace = false;
  std::vector<std::string> blobs;  // runs of entries, in order
};

// A transaction on its way to the disk.
struct PendingCommit {
  std::vector<PendingAppend> appends;
  std::vector<std::tuple<std::string, TopicPartition, std::int64_t>> offsets;
  std::map<std::string, PendingState, std::less<>> state;  // by StatePrefix
  bool durable = true;                                     // TransactionOptions::durable

  // Set by the writer.
  bool done = false;
  Result<std::vector<AppendedRange>> result;
};

// What the parts of the embedded log share. `mutex` guards the catalog and the cache for readers.
struct EmbeddedCore {
  EmbeddedCore(EmbeddedLogOptions options_in, const Clock& clock_in)
      : options(std::move(options_in)), clock(clock_in), cache(options.cache_bytes) {}

  const EmbeddedLogOptions options;
  const Clock& clock;
  std::unique_ptr<RocksStore> store;

  std::mutex mutex;
  EmbeddedCatalog catalog;
  TailCache cache;
  std::uint64_t append_count = 0;
  std::condition_variable_any appended;
  EmbeddedLog::Statistics statistics;  // memory_bytes is filled in by the reader
};

// Writes transactions: those that wait together share one synced write. Everything that writes to
// the store goes through here, one after the other. Thread-safe.
class EmbeddedWriter {
 public:
  explicit EmbeddedWriter(EmbeddedCore& core) : core_(core) {}

  // Returns when `commit` has its result. The calling thread may write for others.
  Result<std::vector<AppendedRange>> Submit(PendingCommit& commit);

  // Held while writing; take it for any other change of the catalog.
  std::unique_lock<std::mutex> Exclude() { return std::unique_lock(writing_); }
  // A synced write of other things; needs Exclude().
  Status Write(rocksdb::WriteBatch& batch) { return Write(batch, true); }

 private:
  Status CheckUsable() const;
  Status Write(rocksdb::WriteBatch& batch, bool sync);
  void WriteGroup(const std::vector<PendingCommit*>& group);
  Status WriteAll(const std::vector<PendingCommit*>& group);
  void AddAppends(PendingCommit& commit, rocksdb::WriteBatch& batch, std::int64_t now_ms);
  void AddOffsets(const PendingCommit& commit, rocksdb::WriteBatch& batch);
  void AddState(const PendingCommit& commit, rocksdb::WriteBatch& batch);
  void RemoveState(const std::string& prefix, StateIndex& index, rocksdb::WriteBatch& batch);
  void AddEnds(rocksdb::WriteBatch& batch);
  void Publish(const std::vector<PendingCommit*>& group);

  EmbeddedCore& core_;

  std::mutex queue_mutex_;
  std::condition_variable queue_changed_;
  std::vector<PendingCommit*> queue_;
  bool leading_ = false;

  // Guarded by writing_.
  std::mutex writing_;
  std::optional<std::string> failure_;  // the first failed write; final
  std::vector<EmbeddedPartition*> touched_;
  std::vector<std::pair<EmbeddedPartition*, std::shared_ptr<const RecordBatch>>> appended_;
  std::map<std::string, StateIndex, std::less<>> states_;  // changed by the group in hand
};

}  // namespace tocsin
