#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "batch/coded_rows.h"
#include "batch/partition_store.h"
#include "batch/row_partitioner.h"
#include "batch/text_segments.h"

namespace tocsin {

// The rows of a run whose ids have no room in memory: with their texts, by ranges of ids, on disk
// beyond a bounded memory. At the end they become coded rows again, some ranges at a time, each
// with dictionaries of its own, which are then small.
//
// Threads: none but the owner's.
class TextRows {
 public:
  struct Options {
    RowPartitioner::Options coded;     // of the parts
    std::size_t memory_bytes = 0;      // of the rows with texts; beyond it they go to disk
    std::size_t dictionary_bytes = 0;  // that the dictionaries of a part may have
  };

  // `division` has ids that are known already; its texts may go after.
  TextRows(Options options, const RowDivision& division);

  // Of all rows that are appended. Never changes.
  const std::shared_ptr<const RowDivision>& division() const { return ranges_.division; }
  // kDiskError.
  Status Append(const TextSegments& rows);

  // Calls `use` with all rows, part after part in the order of their ids. What `use` gets is gone
  // after the call. Takes no more rows. Errors are those of the temporary file and of `use`.
  using UsePart = std::function<Status(CodedRows& part)>;
  Status ForEachPart(const UsePart& use);

 private:
  // Rows by ranges of ids.
  struct Ranges {
    std::vector<std::string> texts;  // of the division
    std::shared_ptr<const RowDivision> division;
    std::unique_ptr<PartitionStore> store;

    // What dictionaries of the rows may need at most.
    std::uint64_t DictionaryBytes(std::size_t range) const;
  };
  Ranges MakeRanges(std::vector<std::string> first_ids) const;
  Result<std::vector<std::string>> ChooseFirstIds(std::size_t range, std::size_t pieces) const;
  Result<Ranges> Split(std::size_t range);
  Status UseRanges(Ranges& ranges, std::size_t begin, std::size_t end, const UsePart& use) const;
  Status UseSmallRanges(Ranges& ranges, std::size_t begin, std::size_t end,
                        const UsePart& use) const;

  const Options options_;
  Ranges ranges_;
};

}  // namespace tocsin
