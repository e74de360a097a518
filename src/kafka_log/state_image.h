#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "kafka_log/changelog_record.h"
#include "log/log.h"

namespace tocsin {

struct StateKeyHash : std::hash<std::string_view> {
  using is_transparent = void;
};
using StateEntries = std::unordered_map<std::string, std::string, StateKeyHash, std::equal_to<>>;

// Applies encoded puts; an empty value deletes. kDataLoss for bytes that are none.
Status ApplyPuts(std::string_view puts, StateEntries& entries);

// One partition of a store as its changelog tells it, record after record.
class StateImage {
 public:
  // Without `keep_entries` only the place and the size are followed.
  explicit StateImage(bool keep_entries) : keep_entries_(keep_entries) {}

  // As if nothing had been read.
  void Clear();
  // The records of the changelog in order, from any record on; what is known already is passed
  // over, and so are the slots of others. kDataLoss for a record that cannot be read.
  Status Apply(const RecordBatch& batch);

  ChangelogPlace place;
  StateSize size;
  StateEntries entries;
  std::uint64_t bytes_read = 0;
  bool keep_entries() const { return keep_entries_; }

 private:
  Status Apply(const ChangelogEntry& entry);

  const bool keep_entries_;
};

}  // namespace tocsin
