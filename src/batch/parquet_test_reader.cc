#include "batch/parquet_test_reader.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include "base/json_text.h"

namespace tocsin {
namespace {

std::optional<std::string> Text(const arrow::Scalar& scalar) {
  if (!scalar.is_valid) return std::nullopt;
  if (scalar.type->id() == arrow::Type::TIMESTAMP) {
    return std::to_string(static_cast<const arrow::TimestampScalar&>(scalar).value);
  }
  if (scalar.type->id() == arrow::Type::DOUBLE) {
    std::string text;
    AppendJsonNumber(text, static_cast<const arrow::DoubleScalar&>(scalar).value);
    return text;
  }
  return scalar.ToString();
}

arrow::Status Read(const std::string& path, ReadBackTable& result) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, parquet::arrow::OpenFile(file, arrow::default_memory_pool()));
  result.row_groups = reader->num_row_groups();
  ARROW_ASSIGN_OR_RAISE(auto table, reader->ReadTable());
  ARROW_RETURN_NOT_OK(table->ValidateFull());
  for (const auto& field : table->schema()->fields()) {
    result.columns.push_back(field->name() + ": " + field->type()->ToString());
  }
  result.rows.resize(static_cast<std::size_t>(table->num_rows()));
  for (int c = 0; c < table->num_columns(); ++c) {
    for (std::int64_t r = 0; r < table->num_rows(); ++r) {
      ARROW_ASSIGN_OR_RAISE(auto scalar, table->column(c)->GetScalar(r));
      result.rows[static_cast<std::size_t>(r)].push_back(Text(*scalar));
    }
  }
  return arrow::Status::OK();
}

}  // namespace

ReadBackTable ReadParquet(const std::string& path) {
  ReadBackTable result;
  const arrow::Status status = Read(path, result);
  EXPECT_TRUE(status.ok()) << path << ": " << status.ToString();
  return result;
}

}  // namespace tocsin
