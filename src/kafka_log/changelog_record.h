#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

// The records of a changelog topic: docs/formats/changelog.md. One record holds what one
// transaction changed of a store's partition. A snapshot begins a generation and replaces all
// before it; the deltas after it are numbered. Keys are used again in every generation, so that
// the topic's compaction removes what a newer generation has replaced.
namespace tocsin {

// What a transaction does to a store's partition. An empty value deletes its key; the last put of a
// key wins.
struct StateChange {
  // Above it a change is split over several records.
  static constexpr std::size_t kBlobBytes = 512u << 10;

  bool replace = false;            // the puts are the whole state
  std::vector<std::string> blobs;  // encoded puts, for VisitPuts

  void Put(std::string_view key, std::string_view value);
  std::size_t bytes() const;
};

// The place of a changelog: which record comes next.
struct ChangelogPlace {
  std::uint64_t generation = 0;
  std::uint64_t next = 0;  // number of the next record of this generation
  auto operator<=>(const ChangelogPlace&) const = default;
};

struct ChangelogRecord {
  std::string key;
  std::string value;
};

// The records that say `change`, in order; `place` moves on.
std::vector<ChangelogRecord> EncodeChange(const StateChange& change, ChangelogPlace& place);

// A slot is a small state beside the numbered ones: its record holds all of it under a key of its
// own, so that writers of different slots in one partition need not know of each other.
ChangelogRecord EncodeSlot(std::int32_t slot,
                           const std::vector<std::pair<std::string, std::string>>& puts);

struct ChangelogEntry {
  std::optional<std::int32_t> slot;  // whose whole state it is; then there is no place
  ChangelogPlace place;              // of this record
  bool begins_generation = false;    // everything before it is void
  bool in_snapshot = false;          // it belongs to the snapshot that began its generation
  std::string_view puts;             // encoded; for VisitPuts
};

// kDataLoss for bytes that are no such record.
Result<ChangelogEntry> DecodeChange(std::string_view value);
Status VisitPuts(std::string_view puts,
                 const std::function<void(std::string_view key, std::string_view value)>& visit);

}  // namespace tocsin
