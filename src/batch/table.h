#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace tocsin {

enum class ColumnKind : std::uint8_t { kText, kTime, kDouble, kBool, kInt64 };

struct ColumnSpec {
  std::string name;
  ColumnKind kind;
};
using TableSchema = std::vector<ColumnSpec>;

// The values of one column; only the vector of its kind is filled.
struct Column {
  static constexpr std::uint32_t kNullCode = 0xffffffff;

  std::vector<std::uint32_t> codes;          // kText: places in `dictionary`, or kNullCode
  std::vector<std::string_view> dictionary;  // kText: each text once, used by this chunk
  std::vector<double> doubles;               // kDouble: NaN is null
  std::vector<std::int64_t> ints;            // kTime (microseconds since 1970, UTC) and kInt64
  std::vector<std::uint8_t> bools;           // kBool: 0 or 1
};

// Consecutive rows of a table as columns. All vectors in use have `rows` elements.
struct TableChunk {
  explicit TableChunk(std::size_t column_count) : columns(column_count) {}
  void Clear();

  std::size_t rows = 0;
  std::vector<Column> columns;
};

// A chunk as the bytes of a file format, which may stand anywhere in a file.
struct EncodedChunk {
  virtual ~EncodedChunk() = default;
  // What a writer must know of the bytes beside them, as bytes.
  virtual std::string Layout() const { return {}; }

  std::string bytes;
  std::size_t rows = 0;
};

// Encodes chunks for a writer. Threads: one encoder per thread.
class TableEncoder {
 public:
  virtual ~TableEncoder() = default;
  virtual Result<std::unique_ptr<EncodedChunk>> Encode(const TableChunk& chunk) = 0;
};

// Writes one table file. Finish() once, after the last chunk; a file without it is not whole.
// kDiskError names the path. Threads: one at a time, but for MakeEncoder() and Restore().
class TableWriter {
 public:
  virtual ~TableWriter() = default;
  // The encoder must not outlive the writer.
  virtual std::unique_ptr<TableEncoder> MakeEncoder() const = 0;
  // The chunk of such bytes and such a layout, from an encoder of the same schema; nullptr when
  // the layout is not one.
  virtual std::unique_ptr<EncodedChunk> Restore(std::string bytes, std::size_t rows,
                                                std::string_view layout) const = 0;
  // `chunk` comes from an encoder of this writer or from Restore().
  virtual Status Append(std::unique_ptr<EncodedChunk> chunk) = 0;
  // Where the next chunk will stand in the file.
  virtual std::uint64_t position() const = 0;
  virtual Status Finish() = 0;
};

inline constexpr int kDefaultZstdLevel = 1;

// Parquet with zstd, one row group a chunk, statistics and page index; times are
// timestamp[us, UTC]. The first two columns are declared as the sort order. Replaces what is at
// `path`.
Result<std::unique_ptr<TableWriter>> MakeParquetWriter(const std::string& path,
                                                       const TableSchema& schema,
                                                       int zstd_level = kDefaultZstdLevel);
// RFC 4180 with a header line and CRLF; times as YYYY-MM-DDThh:mm:ss.ffffffZ, booleans as true and
// false, numbers in the shortest form that reads back the same; null is empty and empty text is
// "". Replaces what is at `path`.
Result<std::unique_ptr<TableWriter>> MakeCsvWriter(const std::string& path,
                                                   const TableSchema& schema);

// The first rows of a chunk as aligned text with a header line, for people.
std::string PreviewText(const TableSchema& schema, const TableChunk& chunk, std::size_t max_rows);

}  // namespace tocsin
