#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"

namespace tocsin {

// What the tables of a run hold of consecutive partitions: a chunk of the cleansed table, as it
// stands in the file, and rows of the aggregates. When no row comes to the partitions in the next
// run, it is taken over there as it is.
struct KeptGroup {
  std::uint64_t begin_partition = 0, end_partition = 0;
  std::uint64_t rows_in = 0;             // of the partitions, repeats included
  std::uint64_t rows = 0;                // of the chunk
  std::uint64_t position = 0, size = 0;  // of the chunk in the file of the cleansed table
  std::uint64_t checksum = 0;            // of those bytes, XXH3-64
  std::string_view layout;               // of the chunk, for TableWriter::Restore()
  std::string_view aggregates;           // as PackAggregates() made them

  std::string Encode() const;
  // What Encode() gave, which the result points into; nullopt for other bytes.
  static std::optional<KeptGroup> Decode(std::string_view bytes);
};

// The groups that a run left, and the file that their chunks stand in. Threads: any.
class KeptGroups {
 public:
  // `encoded` must outlive it. A file that cannot be opened holds no chunks.
  KeptGroups(const std::string& cleansed_path, const std::vector<std::string_view>& encoded);

  // Ascending by partition.
  std::span<const KeptGroup> groups() const { return groups_; }
  // The chunk of a group; nullopt when the file does not hold it any more.
  std::optional<std::string> ReadChunk(const KeptGroup& group) const;

 private:
  FileDescriptor file_;
  std::vector<KeptGroup> groups_;
};

}  // namespace tocsin
