#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "log/log.h"
#include "log_backends/embedded_format.h"
#include "log_backends/embedded_log.h"
#include "log_backends/rocks_store.h"

namespace tocsin {

// Offsets [first, end).
struct OffsetRange {
  std::int64_t first = 0;
  std::int64_t end = 0;
  bool operator==(const OffsetRange&) const = default;
};

struct EmbeddedPartition {
  TopicPartition id;
  rocksdb::ColumnFamilyHandle* family = nullptr;
  std::size_t slot = 0;  // its number over all topics
  embedded_format::Place start;
  embedded_format::Place next;
  embedded_format::Place writing;  // the writer's own: the end including what it has in hand
  std::vector<OffsetRange> lost;   // ascending, given up by repair

  std::string Name() const { return id.topic + "/" + std::to_string(id.partition); }
  std::uint64_t bytes() const { return next.position - start.position; }
  // The offset behind the lost range that holds `offset`, else `offset`.
  std::int64_t SkipLost(std::int64_t offset) const;
  // Where reading ends: before a lost range at the very end there is nothing to wait for.
  std::int64_t ReadableEnd() const;
};

struct EmbeddedTopic {
  TopicConfig config;
  std::vector<std::unique_ptr<EmbeddedPartition>> partitions;
  std::set<std::string, std::less<>> groups;  // registered
  // Retention's own: why ingest is refused (empty = it is not), and when to look again.
  std::string blocked;
  std::int64_t next_check_us = 0;

  std::uint64_t bytes() const;
};

// The blobs of one state: [first_sequence, next_sequence), of which the first `snapshots` are a
// snapshot and the others changes to it.
struct StateIndex {
  std::uint64_t first_sequence = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t next_sequence = 0;
  StateSize size;
};

// What the log keeps in memory of `meta`, `offsets` and the keys of `state`.
//
// Written by the thread that holds the writer's lock, with the log's mutex held as well; read by
// that thread freely and by others under the mutex. Topics and partitions are never removed, so
// pointers to them stay valid.
struct EmbeddedCatalog {
  std::map<std::string, EmbeddedTopic, std::less<>> topics;
  std::map<std::pair<std::string, TopicPartition>, std::int64_t> offsets;
  std::map<std::string, StateIndex, std::less<>> states;  // by StatePrefix
  std::size_t slots = 0;
  bool formatted = false;  // `meta` names the version

  EmbeddedTopic* FindTopic(std::string_view topic);
  EmbeddedPartition* Find(const TopicPartition& partition);
  // The error when there is no such partition.
  Result<EmbeddedPartition*> Get(const TopicPartition& partition);
  // Adds a topic whose families exist.
  EmbeddedTopic& Add(const RocksStore& store, const std::string& topic, const TopicConfig& config);
};

// Reads the catalog. kDataLoss for an entry that cannot be read or that contradicts the families;
// with `problems` such an entry is passed over instead and described there.
Result<EmbeddedCatalog> LoadCatalog(const RocksStore& store,
                                    std::vector<std::string>* problems = nullptr);

}  // namespace tocsin
