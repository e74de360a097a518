#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "log_backends/embedded_catalog.h"
#include "log_backends/rocks_store.h"

namespace tocsin {

struct PartitionWalk {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::vector<OffsetRange> missing;   // unreadable or absent, beyond the known lost ranges
  std::vector<std::string> problems;  // for people
  embedded_format::Place end;         // behind the last readable batch, also when past `next`

  bool sound() const { return missing.empty() && problems.empty(); }
};

enum class WalkDepth : std::uint8_t {
  kHeaders,   // order, contiguity, header checksums, RocksDB's block checksums
  kContents,  // also decompresses every batch
};

// Called with the stored bytes of each batch.
using WalkProgress = std::function<void(std::uint64_t bytes)>;

// Reads the batches of `partition` from `from` (an offset at which a batch begins) on and compares
// them with what the catalog says. Passes over damage, as far as it reaches, and goes on.
PartitionWalk WalkPartition(const RocksStore& store, const EmbeddedPartition& partition,
                            std::int64_t from, WalkDepth depth, const WalkProgress& progress = {});

// Where a walk has to begin so that it sees all that this open recovered from the WAL: the batch
// before it, or the last batch when nothing was recovered.
std::int64_t RecoveredFrom(const RocksStore& store, const EmbeddedPartition& partition);

}  // namespace tocsin
