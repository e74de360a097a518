#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "log/log.h"
#include "log_backends/directory_holder.h"
#include "log_backends/embedded_log.h"

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class Iterator;
class Status;
class WriteBatch;
struct Options;
}  // namespace rocksdb

namespace tocsin {

enum class StoreMode : std::uint8_t {
  kNormal,
  kSurvey,  // read only, passing over damaged records of the WAL: to see what a damaged log lost
  kRepair,  // for writing, passing over damage
};

// RocksDB as the embedded log uses it: its settings, its column families, its errors.
// Thread-safe, except that families are made by one thread at a time.
class RocksStore {
 public:
  // Errors: kUnavailable naming the process that holds the directory; kDataLoss with RocksDB's
  // words when the store is damaged; kDiskError.
  static Result<std::unique_ptr<RocksStore>> Open(const EmbeddedLogOptions& options,
                                                  StoreMode mode);
  // Writes the memtables to files first when the next open would have much to replay.
  ~RocksStore();
  RocksStore(const RocksStore&) = delete;
  RocksStore& operator=(const RocksStore&) = delete;

  rocksdb::ColumnFamilyHandle* meta() const { return meta_; }
  rocksdb::ColumnFamilyHandle* offsets() const { return offsets_; }
  rocksdb::ColumnFamilyHandle* state() const { return state_; }
  // Null when the partition has no family.
  rocksdb::ColumnFamilyHandle* FamilyOf(const TopicPartition& partition) const;
  // Makes those families of the topic that do not exist yet.
  Status MakeFamilies(const std::string& topic, std::int32_t partitions);
  // Every partition that has a family.
  std::vector<TopicPartition> Families() const;

  // The batch is on disk on return when `sync`. An error is final: do not write again.
  Status Write(rocksdb::WriteBatch& batch, bool sync);
  // After an error: the destructor must not write.
  void Abandon() { abandoned_ = true; }
  // For reading batches: values are not kept in the block cache.
  std::unique_ptr<rocksdb::Iterator> Iterate(rocksdb::ColumnFamilyHandle* family) const;
  // Gives back the space of the files whose keys all lie before `key`.
  Status RemoveFilesBefore(rocksdb::ColumnFamilyHandle* family, const std::string& key);
  // Writes all memtables to files.
  Status Flush();

  // Of each family with files that this open recovered from the WAL: their smallest key.
  const std::map<std::string, std::string>& recovered() const { return recovered_; }
  // Bytes in files at the open.
  std::uint64_t file_bytes() const { return file_bytes_; }
  std::uint64_t MemoryBytes() const;

 private:
  RocksStore() = default;
  Status OpenDatabase(const std::string& directory, StoreMode mode);
  void CollectFiles(std::uint64_t newest_before);

  std::unique_ptr<DirectoryHold> hold_;
  std::shared_ptr<rocksdb::Cache> cache_;  // of blocks, one for all families
  std::unique_ptr<rocksdb::Options> options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*, std::less<>> families_;
  rocksdb::ColumnFamilyHandle* meta_ = nullptr;
  rocksdb::ColumnFamilyHandle* offsets_ = nullptr;
  rocksdb::ColumnFamilyHandle* state_ = nullptr;
  std::map<std::string, std::string> recovered_;
  std::uint64_t file_bytes_ = 0;
  bool read_only_ = false;
  bool abandoned_ = false;
};

// `status` as ours; a success is a success. Corruption is kDataLoss, all else kDiskError.
Status FromRocks(const rocksdb::Status& status, std::string_view doing);

}  // namespace tocsin
