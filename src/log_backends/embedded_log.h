#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "log/log.h"

namespace rocksdb {
class Env;
}

namespace tocsin {

struct EmbeddedLogOptions {
  std::string directory;  // DIR/log; made when missing
  Compression compression = Compression::kLz4;
  std::int64_t disk_reserve_bytes = 256LL << 20;  // ingest is refused below it; 0 = off
  bool retention_force = false;                   // retention may pass a group, counting the loss
  std::size_t cache_bytes = 16u << 20;  // decoded batches kept for readers close to the end
  std::int64_t retention_check_us = 10'000'000;
  // Tests: another file system (power-cut simulation) and another reading of the free space.
  rocksdb::Env* env = nullptr;
  std::function<std::int64_t(const std::string& directory)> free_bytes;
};

// Offsets that are gone for good.
struct LostRange {
  TopicPartition partition;
  std::int64_t first = 0;
  std::int64_t end = 0;  // exclusive
};

struct VerifyReport {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::vector<LostRange> lost;        // unreadable or missing offsets
  std::vector<std::string> problems;  // everything wrong, for people
};

// The durable log of one machine on RocksDB: one synced WriteBatch is one transaction, commits of
// several threads share an fsync. The format: docs/formats/embedded_log.md.
//
// A failed write or fsync is final: every later commit answers kDiskError, and the process must
// end; opening again recovers what was acknowledged.
class EmbeddedLog : public Log {
 public:
  // Errors: kUnavailable naming the process that holds the directory; kDataLoss naming the lost
  // range when something in the middle is damaged (a torn tail is not damage; `doctor --repair`
  // goes on); kDiskError when the directory cannot be made or written.
  static Result<std::unique_ptr<EmbeddedLog>> Open(const EmbeddedLogOptions& options,
                                                   const Clock& clock);

  // Gives up what is damaged and makes the rest usable: returns what was lost. Lost offsets are
  // skipped by readers from then on, and stay reported. The log must not be open.
  static Result<std::vector<LostRange>> Repair(const EmbeddedLogOptions& options,
                                               const Clock& clock);

  // Reads every batch and checks every checksum and the contiguity of the offsets.
  virtual Result<VerifyReport> Verify(
      const std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_all)>& progress) = 0;

  // The partitions of stores that hold something, by name and number.
  virtual std::vector<std::pair<std::string, std::int32_t>> States() const = 0;

  // Applies retention now; otherwise it runs every retention_check_us.
  virtual Status EnforceRetention() = 0;

  struct Statistics {
    std::uint64_t commits = 0;  // transactions
    std::uint64_t syncs = 0;    // fsyncs; fewer than commits under load
    std::uint64_t sync_us_total = 0;
    std::uint64_t refused = 0;                   // ingest transactions refused
    std::uint64_t retention_forced_records = 0;  // removed unread under RETENTION_FORCE
    std::uint64_t memory_bytes = 0;              // memtables, block cache and batch cache
  };
  virtual Statistics statistics() const = 0;
};

// The process that holds `directory` (through the lock file of the log), or 0 when none does.
int HolderOf(const std::string& directory);

}  // namespace tocsin
