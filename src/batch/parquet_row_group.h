#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/table.h"

namespace tocsin {

// The physical types of Parquet that our columns have.
enum class ParquetType : std::uint8_t { kBoolean = 0, kInt64 = 2, kDouble = 5, kByteArray = 6 };
ParquetType ParquetTypeOf(ColumnKind kind);

// The least and the greatest value of some rows, in Parquet's plain form, and how many are null.
struct ParquetStatistics {
  std::int64_t null_count = 0;
  bool has_range = false;  // false when all are null, or a text is too long to be worth it
  std::string min;
  std::string max;
};

// One column of a row group as it stands in the file.
struct ParquetColumnChunk {
  struct Page {
    std::int64_t offset = 0;  // from the begin of the row group
    std::int32_t size = 0;    // with its header
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    ParquetStatistics statistics;
  };
  std::int64_t begin = 0;           // from the begin of the row group
  std::int64_t size = 0;            // with page headers
  std::int64_t unpacked_size = 0;   // the same before compression
  bool has_dictionary = false;      // a dictionary page stands before the data pages
  std::int32_t value_encoding = 0;  // of the data pages
  bool is_compressed = true;        // by zstd
  std::vector<Page> pages;          // of data
  ParquetStatistics statistics;
};

// A row group, encoded and compressed, that may stand anywhere in a file.
struct ParquetRowGroup final : EncodedChunk {
  std::vector<ParquetColumnChunk> columns;

  std::string Layout() const override;
  // The other way round, for a group without columns; false for other bytes.
  bool ReadLayout(std::string_view layout);
};

// Encodes row groups: texts by dictionary, metrics by dictionary when they repeat and plainly when
// they do not (a sensor has few distinct readings), times and counts as differences, booleans as
// bits; all columns may be null. Pages of 32,768 rows, compressed by zstd where it finds something.
//
// Keeps its working memory from row group to row group. Threads: none but the owner's.
class ParquetEncoder {
 public:
  ParquetEncoder(const TableSchema& schema, int zstd_level);
  ~ParquetEncoder();
  ParquetEncoder(const ParquetEncoder&) = delete;
  ParquetEncoder& operator=(const ParquetEncoder&) = delete;

  // kInternal when zstd refuses (it has no memory).
  Result<std::unique_ptr<ParquetRowGroup>> Encode(const TableChunk& chunk);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
