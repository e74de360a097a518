#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kafka_log/cluster.h"
#include "kafka_log/reader.h"
#include "kafka_log/state_image.h"
#include "log/log.h"

namespace tocsin {

using StoreKey = std::pair<std::string, std::int32_t>;  // store, partition

// The keyed state of all stores: one compacted changelog topic each, "<app>-<store>-changelog",
// with the partitions of the store. `copy` (may be null) keeps a local copy, so that a restart
// reads only what the copy has missed. A partition beyond those of the store (the positions of
// ingest are numbered by a hash) is a slot in one of them: many processes may write different slots
// at the same time. Thread-safe.
class StateStore {
 public:
  StateStore(const KafkaOptions& options, Cluster& cluster, Reader& reader, Log* copy)
      : options_(options), cluster_(cluster), reader_(reader), copy_(copy) {}

  std::string TopicOf(std::string_view store) const;
  Status Ensure(std::string_view store, std::int32_t partitions);
  // As Log::ReadState. What another process may have written since the last call is seen.
  Status Read(std::string_view store, std::int32_t partition,
              const std::function<void(std::string_view key, std::string_view value)>& visit);
  Result<StateSize> Size(std::string_view store, std::int32_t partition);

  // The partitions of stores that hold something, slots among them. Reads every changelog.
  Result<std::vector<StoreKey>> List();

  // What a transaction will write, while nobody else may write to the same partitions. Destroyed
  // without Committed(), it leaves no trace.
  class Write {
   public:
    struct Part {
      TopicPartition partition;
      std::string payload;  // encoded records, with padding behind
      std::uint32_t count = 0;
    };
    const std::vector<Part>& parts() const { return parts_; }
    // `marked`: by a transaction, whose end takes a number in the changelog, too.
    void Committed(bool marked);

   private:
    friend class StateStore;
    struct Pending;
    void Add(const TopicPartition& partition, RecordBatchBuilder& builder,
             std::shared_ptr<Pending> pending);
    std::vector<Part> parts_;
    std::vector<std::shared_ptr<Pending>> pending_;  // beside parts_
  };
  Result<Write> Begin(const std::map<StoreKey, StateChange>& changes);

 private:
  struct Changelog {
    std::mutex mutex;
    TopicPartition topic;
    bool loaded = false;
    ChangelogPlace place;
    StateSize size;
    std::int64_t position = 0;  // everything of `place` lies at or behind it
  };
  struct Slot {
    std::mutex mutex;
    bool loaded = false;
    StateEntries entries;
  };

  // Of a store that nobody made: as many as a topic has by default.
  Result<std::int32_t> PartitionsOf(std::string_view store);
  Status EnsureMade(const std::string& store);
  Changelog& Find(std::string_view store, std::int32_t partition);
  Slot& FindSlot(const StoreKey& key);
  // Reads the topic into `image`. Needs the changelog's mutex.
  Status Load(const StoreKey& key, Changelog& changelog, StateImage& image);
  Status LoadCopy(const StoreKey& key, Changelog& changelog, StateImage& image);
  Status LoadSlot(const StoreKey& key, std::int32_t partitions, Slot& slot);
  Status BeginChange(const StoreKey& key, const StateChange& change, Write& write);
  Status BeginSlot(const StoreKey& key, std::int32_t partitions, const StateChange& change,
                   Write& write);
  void SaveCopy(const StoreKey& key, const Changelog& changelog, const StateChange& change);
  void SaveCopy(const StoreKey& key, const Changelog& changelog, const StateEntries& all);
  static Status SavePlace(Transaction& transaction, const StoreKey& key,
                          const Changelog& changelog);

  const KafkaOptions& options_;
  Cluster& cluster_;
  Reader& reader_;
  Log* const copy_;
  std::mutex mutex_;
  std::map<StoreKey, std::unique_ptr<Changelog>> changelogs_;
  std::map<StoreKey, std::unique_ptr<Slot>> slots_;
  std::map<std::string, std::int32_t, std::less<>> partitions_;  // of stores that exist
};

}  // namespace tocsin
