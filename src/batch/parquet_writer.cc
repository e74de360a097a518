#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/properties.h>

#include <cmath>
#include <exception>
#include <utility>

#include "batch/table.h"

namespace tocsin {
namespace {

std::shared_ptr<arrow::DataType> ArrowType(ColumnKind kind) {
  switch (kind) {
    // The file's column is a plain string: the Arrow schema is not stored in it.
    case ColumnKind::kText:
      return arrow::dictionary(arrow::int32(), arrow::utf8());
    case ColumnKind::kTime:
      return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case ColumnKind::kDouble:
      return arrow::float64();
    case ColumnKind::kBool:
      return arrow::boolean();
    case ColumnKind::kInt64:
      return arrow::int64();
  }
  return arrow::null();
}

// The encodings the smallest of the common choices on sensor readings: zstd level 1; texts and
// metrics by dictionary (a sensor has few distinct readings; the writer falls back by itself);
// times, which rise within a device, as differences.
std::shared_ptr<parquet::WriterProperties> Properties(const TableSchema& schema) {
  parquet::WriterProperties::Builder builder;
  builder.version(parquet::ParquetVersion::PARQUET_2_6)
      ->compression(parquet::Compression::ZSTD)
      ->compression_level(1)
      ->enable_write_page_index()
      ->created_by("tocsin")
      ->set_sorting_columns({{0, false, false}, {1, false, false}});
  for (const ColumnSpec& column : schema) {
    if (column.kind == ColumnKind::kTime || column.kind == ColumnKind::kInt64) {
      builder.disable_dictionary(column.name);
      builder.encoding(column.name, parquet::Encoding::DELTA_BINARY_PACKED);
    }
  }
  return builder.build();
}

template <class T>
std::shared_ptr<arrow::Buffer> Borrow(const std::vector<T>& values) {
  return std::make_shared<arrow::Buffer>(reinterpret_cast<const std::uint8_t*>(values.data()),
                                         static_cast<std::int64_t>(values.size() * sizeof(T)));
}

// One bit a row, set where `test(row)` holds; `set` counts them.
template <class Test>
std::shared_ptr<arrow::Buffer> Bitmap(std::size_t rows, std::size_t& set, Test test) {
  std::string bits((rows + 7) / 8, '\0');
  set = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const unsigned bit = test(row) ? 1U : 0U;
    set += bit;
    bits[row / 8] = static_cast<char>(static_cast<unsigned char>(bits[row / 8]) | bit << row % 8);
  }
  return arrow::Buffer::FromString(std::move(bits));
}

arrow::Result<std::shared_ptr<arrow::Array>> TextArray(const Column& column, std::size_t rows) {
  arrow::StringBuilder builder;
  for (const std::string_view text : column.dictionary) ARROW_RETURN_NOT_OK(builder.Append(text));
  ARROW_ASSIGN_OR_RAISE(auto dictionary, builder.Finish());
  std::size_t present = 0;
  auto valid = Bitmap(rows, present,
                      [&](std::size_t row) { return column.codes[row] != Column::kNullCode; });
  if (present == rows) valid = nullptr;
  const auto indices =
      std::make_shared<arrow::Int32Array>(static_cast<std::int64_t>(rows), Borrow(column.codes),
                                          valid, static_cast<std::int64_t>(rows - present));
  return arrow::DictionaryArray::FromArrays(ArrowType(ColumnKind::kText), indices, dictionary);
}

std::shared_ptr<arrow::Array> DoubleArray(const Column& column, std::size_t rows) {
  std::size_t present = 0;
  auto valid =
      Bitmap(rows, present, [&](std::size_t row) { return !std::isnan(column.doubles[row]); });
  if (present == rows) valid = nullptr;
  return std::make_shared<arrow::DoubleArray>(static_cast<std::int64_t>(rows),
                                              Borrow(column.doubles), valid,
                                              static_cast<std::int64_t>(rows - present));
}

arrow::Result<std::shared_ptr<arrow::Array>> ToArrow(ColumnKind kind, const Column& column,
                                                     std::size_t rows) {
  const auto length = static_cast<std::int64_t>(rows);
  switch (kind) {
    case ColumnKind::kText:
      return TextArray(column, rows);
    case ColumnKind::kTime:
      return std::make_shared<arrow::TimestampArray>(ArrowType(kind), length, Borrow(column.ints));
    case ColumnKind::kDouble:
      return DoubleArray(column, rows);
    case ColumnKind::kBool: {
      std::size_t set = 0;
      auto bits = Bitmap(rows, set, [&](std::size_t row) { return column.bools[row] != 0; });
      return std::make_shared<arrow::BooleanArray>(length, std::move(bits));
    }
    case ColumnKind::kInt64:
      return std::make_shared<arrow::Int64Array>(length, Borrow(column.ints));
  }
  return arrow::Status::Invalid("a column of no known kind");
}

class ParquetTableWriter final : public TableWriter {
 public:
  ParquetTableWriter(std::string path, const TableSchema& schema)
      : path_(std::move(path)), schema_(schema) {}

  Status Open() {
    return Guarded([&]() -> arrow::Status {
      arrow::FieldVector fields;
      for (const ColumnSpec& column : schema_) {
        fields.push_back(arrow::field(column.name, ArrowType(column.kind)));
      }
      arrow_schema_ = arrow::schema(fields);
      ARROW_ASSIGN_OR_RAISE(file_, arrow::io::FileOutputStream::Open(path_));
      ARROW_ASSIGN_OR_RAISE(
          writer_, parquet::arrow::FileWriter::Open(*arrow_schema_, arrow::default_memory_pool(),
                                                    file_, Properties(schema_)));
      return arrow::Status::OK();
    });
  }

  Status Write(const TableChunk& chunk) override {
    if (chunk.rows == 0) return {};
    return Guarded([&]() -> arrow::Status {
      arrow::ArrayVector arrays;
      for (std::size_t c = 0; c < schema_.size(); ++c) {
        ARROW_ASSIGN_OR_RAISE(auto array, ToArrow(schema_[c].kind, chunk.columns[c], chunk.rows));
        arrays.push_back(std::move(array));
      }
      const auto rows = static_cast<std::int64_t>(chunk.rows);
      const auto table = arrow::Table::Make(arrow_schema_, arrays, rows);
      return writer_->WriteTable(*table, rows);
    });
  }

  Status Finish() override {
    return Guarded([&]() -> arrow::Status {
      ARROW_RETURN_NOT_OK(writer_->Close());
      return file_->Close();
    });
  }

 private:
  // Runs `action` and turns what Arrow answers or throws into a Status.
  template <class Action>
  Status Guarded(Action action) {
    try {
      const arrow::Status status = action();
      if (status.ok()) return {};
      return Failure(status.ToString(), status.IsIOError());
    } catch (const std::exception& exception) {
      return Failure(exception.what(), true);
    }
  }
  std::unexpected<Error> Failure(const std::string& what, bool disk) const {
    return Fail(disk ? Code::kDiskError : Code::kInternal,
                "Parquet file " + path_ + " cannot be written: " + what);
  }

  std::string path_;
  TableSchema schema_;
  std::shared_ptr<arrow::Schema> arrow_schema_;
  std::shared_ptr<arrow::io::FileOutputStream> file_;
  std::unique_ptr<parquet::arrow::FileWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> MakeParquetWriter(const std::string& path,
                                                       const TableSchema& schema) {
  auto writer = std::make_unique<ParquetTableWriter>(path, schema);
  TOCSIN_TRY(writer->Open());
  return writer;
}

}  // namespace tocsin
