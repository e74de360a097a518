#include "log_backends/rocks_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "base/logging.h"
#include "log_backends/embedded_format.h"

namespace tocsin {
namespace {

constexpr std::string_view kMeta = "meta";
constexpr std::string_view kOffsets = "offsets";
constexpr std::string_view kState = "state";
constexpr std::size_t kBlockCacheBytes = 16u << 20;
constexpr std::size_t kMemtablesBytes = 32u << 20;
constexpr std::uint64_t kMaxWalBytes = 256u << 20;
// More than this in the memtables is written out at the close, because replaying it would slow
// the next start down.
constexpr std::uint64_t kFlushAtCloseBytes = 4u << 20;

// RocksDB's own messages: only its errors are worth a line.
class ErrorLogger final : public rocksdb::Logger {
 public:
  ErrorLogger() : rocksdb::Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
  __attribute__((format(printf, 3, 0))) void Logv(const rocksdb::InfoLogLevel level,
                                                  const char* format, va_list arguments) override {
    if (level < rocksdb::InfoLogLevel::ERROR_LEVEL ||
        level == rocksdb::InfoLogLevel::HEADER_LEVEL) {
      return;
    }
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    LogWarning("rocksdb", line);
  }
};

rocksdb::DBOptions StoreOptions(rocksdb::Env* env, StoreMode mode) {
  rocksdb::DBOptions db;
  db.env = env;
  db.create_if_missing = mode == StoreMode::kNormal;
  db.create_missing_column_families = mode != StoreMode::kSurvey;
  db.paranoid_checks = true;
  db.wal_recovery_mode = mode == StoreMode::kNormal
                             ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                             : rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  db.recycle_log_file_num = 0;
  db.track_and_verify_wals_in_manifest = false;
  db.wal_compression = rocksdb::kNoCompression;
  db.db_write_buffer_size = kMemtablesBytes;
  db.max_total_wal_size = kMaxWalBytes;
  db.max_background_jobs = 2;  // one flush, one compaction (here: moves between levels)
  db.max_open_files = 256;
  db.max_bgerror_resume_count = 0;
  db.keep_log_file_num = 1;
  db.info_log = std::make_shared<ErrorLogger>();
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.skip_stats_update_on_db_open = true;
  db.max_manifest_file_size = 4u << 20;
  return db;
}

rocksdb::ColumnFamilyOptions SmallFamily(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.compression = rocksdb::kLZ4Compression;
  family.write_buffer_size = 16u << 20;
  family.paranoid_file_checks = true;
  family.ttl = 0;
  family.periodic_compaction_seconds = 0;
  return family;
}

rocksdb::ColumnFamilyOptions BatchFamily(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family = SmallFamily(cache);
  family.compression = rocksdb::kNoCompression;  // the batches are compressed already
  // Reading each written file back costs CPU and memory, and finds nothing that the checksum of
  // every batch does not find when it is read.
  family.paranoid_file_checks = false;
  family.write_buffer_size = 32u << 20;
  // Keys only ascend, so a file moves to the last level unread; only there can retention drop it.
  family.num_levels = 2;
  family.level0_file_num_compaction_trigger = 1;
  return family;
}

// The number of RocksDB's file `name` when it ends with `suffix`.
std::optional<std::uint64_t> FileNumber(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return number;
}

struct Listing {
  bool current = false;  // the database exists
  bool data = false;     // files that only a database has
  std::uint64_t newest_table = 0;
};

Listing List(rocksdb::Env& env, const std::string& directory) {
  Listing listing;
  std::vector<std::string> names;
  if (!env.GetChildren(directory, &names).ok()) return listing;
  for (const std::string& name : names) {
    if (name == "CURRENT") listing.current = true;
    const auto table = FileNumber(name, ".sst");
    if (table) listing.newest_table = std::max(listing.newest_table, *table);
    listing.data = listing.data || table || FileNumber(name, ".log");
  }
  return listing;
}

Status HeldByOther(const std::string& directory) {
  const int pid = HolderOf(directory);
  if (pid == 0) return {};
  return Fail(Code::kUnavailable, "the log in " + directory + " is held by process " +
                                      std::to_string(pid) + "; stop it, or use another --data-dir");
}

Result<std::vector<std::string>> FamilyNames(const rocksdb::DBOptions& db,
                                             const std::string& directory, const Listing& listing) {
  std::vector<std::string> names;
  if (listing.current) {
    TOCSIN_TRY(FromRocks(rocksdb::DB::ListColumnFamilies(db, directory, &names),
                         "read the manifest of the log in " + directory));
  } else if (listing.data) {
    // RocksDB would make an empty database here and delete the files.
    return Fail(Code::kDataLoss, "the log in " + directory + " has data but no file CURRENT");
  }
  for (const std::string_view name :
       {std::string_view(rocksdb::kDefaultColumnFamilyName), kMeta, kOffsets, kState}) {
    if (std::ranges::find(names, name) == names.end()) names.emplace_back(name);
  }
  return names;
}

// Rebuilds the manifest from the tables that can be read; RocksDB moves all other files to lost/.
//
// It first makes tables of the WAL. RocksDB 7.8 then refuses tables that hold the same entries as
// older ones, which is so when a part of the WAL had been written to tables; the second attempt
// goes without the WAL, which is in lost/ by then.
Status RebuildManifest(const rocksdb::Options& options, const std::string& directory) {
  const rocksdb::ColumnFamilyOptions batch = BatchFamily(rocksdb::NewLRUCache(kBlockCacheBytes));
  const rocksdb::ColumnFamilyOptions small = SmallFamily(rocksdb::NewLRUCache(kBlockCacheBytes));
  const std::vector<rocksdb::ColumnFamilyDescriptor> known = {
      {rocksdb::kDefaultColumnFamilyName, small},
      {std::string(kMeta), small},
      {std::string(kOffsets), small},
      {std::string(kState), small}};
  const std::uint64_t newest_table = List(*options.env, directory).newest_table;
  const rocksdb::DBOptions db_options(options);
  if (rocksdb::RepairDB(directory, db_options, known, batch).ok()) return {};
  LogWarning("log", "what only the WAL held cannot be placed; it stays in " + directory + "/lost");
  std::vector<std::string> names;
  static_cast<void>(options.env->GetChildren(directory, &names));
  for (const std::string& name : names) {
    if (FileNumber(name, ".sst").value_or(0) <= newest_table) continue;
    TOCSIN_TRY(FromRocks(options.env->DeleteFile(directory + "/" + name), "remove " + name));
  }
  return FromRocks(rocksdb::RepairDB(directory, db_options, known, batch),
                   "rebuild the manifest of the log in " + directory);
}

}  // namespace

Status FromRocks(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  const Code code = status.IsCorruption() ? Code::kDataLoss : Code::kDiskError;
  return Fail(code, std::string(doing) + ": " + status.ToString());
}

Result<std::unique_ptr<RocksStore>> RocksStore::Open(const EmbeddedLogOptions& options,
                                                     StoreMode mode) {
  rocksdb::Env* const env = options.env != nullptr ? options.env : rocksdb::Env::Default();
  const std::string& directory = options.directory;
  if (options.env == nullptr) TOCSIN_TRY(MakeDirectories(directory));
  TOCSIN_TRY(FromRocks(env->CreateDirIfMissing(directory), "mkdir " + directory));
  if (mode != StoreMode::kSurvey) TOCSIN_TRY(HeldByOther(directory));

  std::unique_ptr<RocksStore> store(new RocksStore);
  store->read_only_ = mode == StoreMode::kSurvey;
  store->cache_ = rocksdb::NewLRUCache(kBlockCacheBytes, 1);
  store->options_ =
      std::make_unique<rocksdb::Options>(StoreOptions(env, mode), BatchFamily(store->cache_));
  Status opened = store->OpenDatabase(directory, mode);
  if (!opened && mode == StoreMode::kRepair && opened.error().code() != Code::kUnavailable) {
    LogWarning("log", "the manifest is rebuilt; what cannot be placed stays in lost/",
               {{"because", opened.error().message()}});
    TOCSIN_TRY(RebuildManifest(*store->options_, directory));
    opened = store->OpenDatabase(directory, mode);
  }
  TOCSIN_TRY(std::move(opened));
  if (options.env == nullptr && mode != StoreMode::kSurvey) {
    store->hold_ = std::make_unique<DirectoryHold>(directory);
  }
  return store;
}

Status RocksStore::OpenDatabase(const std::string& directory, StoreMode mode) {
  const rocksdb::DBOptions db_options(*options_);
  const Listing listing = List(*options_->env, directory);
  TOCSIN_ASSIGN(const auto names, FamilyNames(db_options, directory, listing));
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  for (const std::string& name : names) {
    descriptors.emplace_back(
        name, embedded_format::ParseFamilyName(name) ? BatchFamily(cache_) : SmallFamily(cache_));
  }
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status opened =
      mode == StoreMode::kSurvey
          ? rocksdb::DB::OpenForReadOnly(db_options, directory, descriptors, &handles, &db)
          : rocksdb::DB::Open(db_options, directory, descriptors, &handles, &db);
  if (!opened.ok()) {
    if (opened.ToString().find("lock") != std::string::npos) TOCSIN_TRY(HeldByOther(directory));
    return FromRocks(opened, "open the log in " + directory);
  }
  db_.reset(db);
  for (std::size_t i = 0; i < handles.size(); ++i) families_[names[i]] = handles[i];
  meta_ = families_.find(kMeta)->second;
  offsets_ = families_.find(kOffsets)->second;
  state_ = families_.find(kState)->second;
  CollectFiles(listing.newest_table);
  return {};
}

RocksStore::~RocksStore() {
  if (db_ == nullptr) return;
  std::uint64_t unwritten = 0;
  if (!read_only_ && !abandoned_) {
    db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unwritten);
    // A failure costs nothing: the WAL has it all.
    if (unwritten > kFlushAtCloseBytes) static_cast<void>(Flush());
  }
  for (const auto& [name, handle] : families_) db_->DestroyColumnFamilyHandle(handle);
  db_->Close();
}

void RocksStore::CollectFiles(std::uint64_t newest_before) {
  std::vector<rocksdb::LiveFileMetaData> files;
  db_->GetLiveFilesMetaData(&files);
  for (const rocksdb::LiveFileMetaData& file : files) {
    file_bytes_ += file.size;
    if (file.file_number <= newest_before) continue;
    const auto [at, added] = recovered_.emplace(file.column_family_name, file.smallestkey);
    if (!added) at->second = std::min(at->second, file.smallestkey);
  }
}

rocksdb::ColumnFamilyHandle* RocksStore::FamilyOf(const TopicPartition& partition) const {
  const auto found = families_.find(embedded_format::FamilyName(partition));
  return found == families_.end() ? nullptr : found->second;
}

std::vector<TopicPartition> RocksStore::Families() const {
  std::vector<TopicPartition> partitions;
  for (const auto& [name, handle] : families_) {
    if (auto partition = embedded_format::ParseFamilyName(name)) {
      partitions.push_back(std::move(*partition));
    }
  }
  return partitions;
}

Status RocksStore::MakeFamilies(const std::string& topic, std::int32_t partitions) {
  std::vector<std::string> missing;
  for (std::int32_t i = 0; i < partitions; ++i) {
    const std::string name = embedded_format::FamilyName({topic, i});
    if (!families_.contains(name)) missing.push_back(name);
  }
  if (missing.empty()) return {};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  const rocksdb::Status made =
      db_->CreateColumnFamilies(rocksdb::ColumnFamilyOptions(*options_), missing, &handles);
  for (std::size_t i = 0; i < handles.size(); ++i) families_[missing[i]] = handles[i];
  return FromRocks(made, "make topic " + topic);
}

Status RocksStore::Write(rocksdb::WriteBatch& batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync;
  return FromRocks(db_->Write(options, &batch), "write to the log");
}

std::unique_ptr<rocksdb::Iterator> RocksStore::Iterate(rocksdb::ColumnFamilyHandle* family) const {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  options.verify_checksums = true;
  return std::unique_ptr<rocksdb::Iterator>(db_->NewIterator(options, family));
}

Status RocksStore::RemoveFilesBefore(rocksdb::ColumnFamilyHandle* family, const std::string& key) {
  const rocksdb::Slice end(key);
  return FromRocks(rocksdb::DeleteFilesInRange(db_.get(), family, nullptr, &end, false),
                   "remove old files of the log");
}

Status RocksStore::Flush() {
  std::vector<rocksdb::ColumnFamilyHandle*> all;
  for (const auto& [name, handle] : families_) all.push_back(handle);
  return FromRocks(db_->Flush(rocksdb::FlushOptions(), all), "write the memtables of the log");
}

std::uint64_t RocksStore::MemoryBytes() const {
  std::uint64_t memtables = 0;
  db_->GetAggregatedIntProperty(rocksdb::DB::Properties::kSizeAllMemTables, &memtables);
  return memtables + cache_->GetUsage();
}

}  // namespace tocsin
