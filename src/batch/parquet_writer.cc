#include <fcntl.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "batch/parquet_row_group.h"
#include "batch/table.h"
#include "batch/thrift_writer.h"

namespace tocsin {
namespace {

using Type = ThriftWriter::Type;

constexpr std::string_view kMagic = "PAR1";
constexpr int kOptional = 1;
constexpr int kUtf8 = 0;              // a converted type, for readers that know no logical ones
constexpr int kTimestampMicros = 10;  // likewise
constexpr int kUncompressed = 0;
constexpr int kZstd = 6;
constexpr int kRle = 3;
constexpr int kPlain = 0;

class ParquetTableEncoder final : public TableEncoder {
 public:
  ParquetTableEncoder(const TableSchema& schema, int zstd_level) : encoder_(schema, zstd_level) {}
  Result<std::unique_ptr<EncodedChunk>> Encode(const TableChunk& chunk) override {
    TOCSIN_ASSIGN(std::unique_ptr<ParquetRowGroup> group, encoder_.Encode(chunk));
    return group;
  }

 private:
  ParquetEncoder encoder_;
};

// The file of apache/parquet-format, parquet.thrift: magic, row groups, indexes of the pages,
// footer, its length, magic.
class ParquetTableWriter final : public TableWriter {
 public:
  ParquetTableWriter(FileDescriptor fd, std::string path, const TableSchema& schema, int zstd_level)
      : fd_(std::move(fd)), path_(std::move(path)), schema_(schema), zstd_level_(zstd_level) {}

  std::unique_ptr<TableEncoder> MakeEncoder() const override {
    return std::make_unique<ParquetTableEncoder>(schema_, zstd_level_);
  }

  Status Begin() { return Put(kMagic); }

  std::unique_ptr<EncodedChunk> Restore(std::string bytes, std::size_t rows,
                                        std::string_view layout) const override {
    auto group = std::make_unique<ParquetRowGroup>();
    if (!group->ReadLayout(layout) || group->columns.size() != schema_.size()) return nullptr;
    group->bytes = std::move(bytes);
    group->rows = rows;
    return group;
  }
  std::uint64_t position() const override { return position_; }

  Status Append(std::unique_ptr<EncodedChunk> chunk) override {
    if (chunk->rows == 0) return {};
    auto* const group = static_cast<ParquetRowGroup*>(chunk.get());
    groups_.push_back({.begin = static_cast<std::int64_t>(position_),
                       .bytes = static_cast<std::int64_t>(group->bytes.size()),
                       .rows = static_cast<std::int64_t>(group->rows),
                       .columns = std::move(group->columns)});
    rows_ += groups_.back().rows;
    return Put(group->bytes);
  }

  Status Finish() override {
    std::string tail;
    PutPageIndexes(tail);
    const std::size_t footer = tail.size();
    PutFooter(tail);
    PutFixed(tail, static_cast<std::uint32_t>(tail.size() - footer));
    tail += kMagic;
    return Put(tail);
  }

 private:
  struct IndexPlace {
    std::int64_t offset = 0;
    std::int64_t size = 0;  // 0 = there is none
  };
  struct Group {
    std::int64_t begin = 0;  // in the file
    std::int64_t bytes = 0;
    std::int64_t rows = 0;
    std::vector<ParquetColumnChunk> columns = {};
    std::vector<IndexPlace> column_indexes = {};
    std::vector<IndexPlace> offset_indexes = {};
  };

  Status Put(std::string_view bytes) {
    TOCSIN_TRY(WriteAll(fd_.get(), bytes, path_));
    position_ += bytes.size();
    return {};
  }

  void PutPageIndexes(std::string& out) {
    const auto put = [&](const auto& write) {
      const std::size_t begin = out.size();
      ThriftWriter writer(out);
      writer.BeginElement();
      write(writer);
      writer.End();
      return IndexPlace{static_cast<std::int64_t>(position_ + begin),
                        static_cast<std::int64_t>(out.size() - begin)};
    };
    for (Group& group : groups_) {
      for (const ParquetColumnChunk& column : group.columns) {
        group.column_indexes.push_back(HasColumnIndex(column) ? put([&](ThriftWriter& writer) {
          PutColumnIndex(writer, column);
        })
                                                              : IndexPlace{});
      }
    }
    for (Group& group : groups_) {
      for (const ParquetColumnChunk& column : group.columns) {
        group.offset_indexes.push_back(
            put([&](ThriftWriter& writer) { PutOffsetIndex(writer, group, column); }));
      }
    }
  }

  // A page whose range is not known makes the whole index useless.
  static bool HasColumnIndex(const ParquetColumnChunk& column) {
    for (const ParquetColumnChunk::Page& page : column.pages) {
      if (!page.statistics.has_range && page.statistics.null_count < page.rows) return false;
    }
    return true;
  }

  static void PutColumnIndex(ThriftWriter& writer, const ParquetColumnChunk& column) {
    writer.BeginList(1, Type::kTrue, column.pages.size());
    for (const auto& page : column.pages) writer.BoolElement(!page.statistics.has_range);
    writer.BeginList(2, Type::kBinary, column.pages.size());
    for (const auto& page : column.pages) writer.BinaryElement(page.statistics.min);
    writer.BeginList(3, Type::kBinary, column.pages.size());
    for (const auto& page : column.pages) writer.BinaryElement(page.statistics.max);
    writer.I32(4, 0);  // no order is promised
    writer.BeginList(5, Type::kI64, column.pages.size());
    for (const auto& page : column.pages) writer.IntegerElement(page.statistics.null_count);
  }

  static void PutOffsetIndex(ThriftWriter& writer, const Group& group,
                             const ParquetColumnChunk& column) {
    writer.BeginList(1, Type::kStruct, column.pages.size());
    for (const auto& page : column.pages) {
      writer.BeginElement();
      writer.I64(1, group.begin + page.offset);
      writer.I32(2, page.size);
      writer.I64(3, page.first_row);
      writer.End();
    }
  }

  void PutFooter(std::string& out) const {
    ThriftWriter writer(out);
    writer.BeginElement();
    writer.I32(1, 2);  // version
    writer.BeginList(2, Type::kStruct, schema_.size() + 1);
    writer.BeginElement();
    writer.Binary(4, "schema");
    writer.I32(5, static_cast<std::int64_t>(schema_.size()));
    writer.End();
    for (const ColumnSpec& column : schema_) PutSchemaElement(writer, column);
    writer.I64(3, rows_);
    writer.BeginList(4, Type::kStruct, groups_.size());
    for (std::size_t g = 0; g < groups_.size(); ++g) PutGroup(writer, g);
    writer.Binary(6, "tocsin");
    writer.BeginList(7, Type::kStruct, schema_.size());
    for (std::size_t c = 0; c < schema_.size(); ++c) {
      writer.BeginElement();
      writer.BeginStruct(1);  // values are ordered as their type defines it
      writer.End();
      writer.End();
    }
    writer.End();
  }

  static void PutSchemaElement(ThriftWriter& writer, const ColumnSpec& column) {
    writer.BeginElement();
    writer.I32(1, static_cast<int>(ParquetTypeOf(column.kind)));
    writer.I32(3, kOptional);
    writer.Binary(4, column.name);
    if (column.kind == ColumnKind::kText) {
      writer.I32(6, kUtf8);
      writer.BeginStruct(10);
      writer.BeginStruct(1);  // string
      writer.End();
      writer.End();
    } else if (column.kind == ColumnKind::kTime) {
      writer.I32(6, kTimestampMicros);
      writer.BeginStruct(10);
      writer.BeginStruct(8);  // timestamp
      writer.Bool(1, true);   // in UTC
      writer.BeginStruct(2);
      writer.BeginStruct(2);  // microseconds
      writer.End();
      writer.End();
      writer.End();
      writer.End();
    }
    writer.End();
  }

  void PutGroup(ThriftWriter& writer, std::size_t g) const {
    const Group& group = groups_[g];
    writer.BeginElement();
    writer.BeginList(1, Type::kStruct, group.columns.size());
    std::int64_t unpacked = 0;
    for (std::size_t c = 0; c < group.columns.size(); ++c) {
      PutColumn(writer, group, c);
      unpacked += group.columns[c].unpacked_size;
    }
    writer.I64(2, unpacked);
    writer.I64(3, group.rows);
    const int sorted = schema_.size() >= 2 ? 2 : 0;
    writer.BeginList(4, Type::kStruct, static_cast<std::size_t>(sorted));
    for (int c = 0; c < sorted; ++c) {
      writer.BeginElement();
      writer.I32(1, c);
      writer.Bool(2, false);  // not descending
      writer.Bool(3, false);  // nulls last
      writer.End();
    }
    writer.I64(5, group.begin);
    writer.I64(6, group.bytes);
    if (g <= 32'767) writer.I16(7, static_cast<std::int64_t>(g));
    writer.End();
  }

  void PutColumn(ThriftWriter& writer, const Group& group, std::size_t c) const {
    const ParquetColumnChunk& column = group.columns[c];
    writer.BeginElement();
    writer.I64(2, 0);  // the metadata stands here, nowhere else
    writer.BeginStruct(3);
    writer.I32(1, static_cast<int>(ParquetTypeOf(schema_[c].kind)));
    std::vector<int> encodings = {column.value_encoding, kRle};
    if (column.has_dictionary) encodings.push_back(kPlain);
    writer.BeginList(2, Type::kI32, encodings.size());
    for (const int encoding : encodings) writer.IntegerElement(encoding);
    writer.BeginList(3, Type::kBinary, 1);
    writer.BinaryElement(schema_[c].name);
    writer.I32(4, column.is_compressed ? kZstd : kUncompressed);
    writer.I64(5, group.rows);
    writer.I64(6, column.unpacked_size);
    writer.I64(7, column.size);
    writer.I64(9, group.begin + column.pages.front().offset);
    if (column.has_dictionary) writer.I64(11, group.begin + column.begin);
    writer.BeginStruct(12);
    writer.I64(3, column.statistics.null_count);
    if (column.statistics.has_range && HasColumnIndex(column)) {
      writer.Binary(5, column.statistics.max);
      writer.Binary(6, column.statistics.min);
    }
    writer.End();
    writer.End();
    writer.I64(4, group.offset_indexes[c].offset);
    writer.I32(5, group.offset_indexes[c].size);
    if (group.column_indexes[c].size > 0) {
      writer.I64(6, group.column_indexes[c].offset);
      writer.I32(7, group.column_indexes[c].size);
    }
    writer.End();
  }

  FileDescriptor fd_;
  std::string path_;
  TableSchema schema_;
  int zstd_level_;
  std::uint64_t position_ = 0;
  std::int64_t rows_ = 0;
  std::vector<Group> groups_;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> MakeParquetWriter(const std::string& path,
                                                       const TableSchema& schema, int zstd_level) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  auto writer = std::make_unique<ParquetTableWriter>(std::move(fd), path, schema, zstd_level);
  TOCSIN_TRY(writer->Begin());
  return writer;
}

}  // namespace tocsin
