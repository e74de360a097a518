#include "history/parquet_columns.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/statistics.h>

#include <filesystem>
#include <limits>
#include <unordered_map>

namespace tocsin {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// False when the statistics say that no row of the group can match.
bool MayMatch(const parquet::RowGroupMetaData& group, int text_column, int time_column,
              const ParquetRequest& request) {
  const auto text = group.ColumnChunk(text_column)->statistics();
  if (!request.text_equals.empty() && text != nullptr && text->HasMinMax()) {
    const auto* typed = dynamic_cast<const parquet::ByteArrayStatistics*>(text.get());
    if (typed != nullptr) {
      const parquet::ByteArray low = typed->min();
      const parquet::ByteArray high = typed->max();
      const auto view = [](const parquet::ByteArray& bytes) {
        return std::string_view(reinterpret_cast<const char*>(bytes.ptr), bytes.len);
      };
      if (request.text_equals < view(low) || request.text_equals > view(high)) return false;
    }
  }
  const auto time = group.ColumnChunk(time_column)->statistics();
  if (time != nullptr && time->HasMinMax()) {
    const auto* typed = dynamic_cast<const parquet::Int64Statistics*>(time.get());
    if (typed != nullptr && (typed->max() < request.from_us || typed->min() >= request.to_us)) {
      return false;
    }
  }
  return true;
}

// The text of every row of a chunk, whether it is a dictionary or not.
class Texts {
 public:
  explicit Texts(const arrow::Array& array) {
    if (array.type_id() == arrow::Type::DICTIONARY) {
      dictionary_ = static_cast<const arrow::DictionaryArray*>(&array);
      values_ = dynamic_cast<const arrow::StringArray*>(dictionary_->dictionary().get());
    } else {
      values_ = dynamic_cast<const arrow::StringArray*>(&array);
    }
  }
  bool ok() const { return values_ != nullptr; }
  std::string_view At(std::int64_t row) const {
    const std::int64_t index = dictionary_ == nullptr ? row : dictionary_->GetValueIndex(row);
    return values_->GetView(index);
  }

 private:
  const arrow::DictionaryArray* dictionary_ = nullptr;
  const arrow::StringArray* values_ = nullptr;
};

class ColumnsReader {
 public:
  explicit ColumnsReader(const ParquetRequest& request) : request_(request) {
    out_.integers.resize(request.integers.size());
    out_.doubles.resize(request.doubles.size());
  }

  arrow::Status Read(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          parquet::arrow::OpenFile(file, arrow::default_memory_pool()));
    const auto metadata = reader->parquet_reader()->metadata();
    const auto* schema = metadata->schema();
    const auto index_of = [&](const std::string& name) { return schema->ColumnIndex(name); };
    const int text = index_of(request_.text_column);
    const int time = index_of(request_.time_column);
    if (text < 0 || time < 0) return arrow::Status::Invalid("its columns are not those expected");
    std::vector<int> columns{text, time};
    for (const auto* names : {&request_.integers, &request_.doubles}) {
      for (const std::string& name : *names) {
        if (index_of(name) >= 0) columns.push_back(index_of(name));
      }
    }
    std::vector<int> groups;
    std::int64_t rows = 0;
    for (int i = 0; i < metadata->num_row_groups(); ++i) {
      const auto group = metadata->RowGroup(i);
      if (!MayMatch(*group, text, time, request_)) continue;
      groups.push_back(i);
      rows += group->num_rows();
    }
    if (rows > request_.max_rows) {
      return arrow::Status::CapacityError("it has ", rows, " rows; at most ", request_.max_rows,
                                          " are held");
    }
    // One group at a time: memory for one is enough.
    for (const int group : groups) {
      ARROW_ASSIGN_OR_RAISE(const auto table, reader->ReadRowGroups({group}, columns));
      ARROW_ASSIGN_OR_RAISE(const auto whole, table->CombineChunks());
      ARROW_RETURN_NOT_OK(Take(*whole));
    }
    return arrow::Status::OK();
  }

  ParquetColumns Finish() { return std::move(out_); }

 private:
  arrow::Status Take(const arrow::Table& table) {
    if (table.num_rows() == 0) return arrow::Status::OK();
    const auto array = [&](const std::string& name) -> std::shared_ptr<arrow::Array> {
      const auto column = table.GetColumnByName(name);
      return column == nullptr ? nullptr : column->chunk(0);
    };
    const auto text_array = array(request_.text_column);
    const Texts texts(*text_array);
    const auto times =
        std::dynamic_pointer_cast<arrow::TimestampArray>(array(request_.time_column));
    if (!texts.ok() || times == nullptr) {
      return arrow::Status::Invalid("its columns are not of the types expected");
    }
    std::vector<std::int64_t> kept;
    for (std::int64_t row = 0; row < table.num_rows(); ++row) {
      const std::int64_t time_us = times->Value(row);
      if (time_us < request_.from_us || time_us >= request_.to_us) continue;
      const std::string_view text = texts.At(row);
      if (!request_.text_equals.empty() && text != request_.text_equals) continue;
      kept.push_back(row);
      out_.times_us.push_back(time_us);
      out_.text_codes.push_back(CodeOf(text));
    }
    for (std::size_t i = 0; i < request_.integers.size(); ++i) {
      const auto values = std::dynamic_pointer_cast<arrow::Int64Array>(array(request_.integers[i]));
      for (const std::int64_t row : kept) {
        out_.integers[i].push_back(values == nullptr || values->IsNull(row) ? 0
                                                                            : values->Value(row));
      }
    }
    for (std::size_t i = 0; i < request_.doubles.size(); ++i) {
      const auto values = std::dynamic_pointer_cast<arrow::DoubleArray>(array(request_.doubles[i]));
      for (const std::int64_t row : kept) {
        out_.doubles[i].push_back(values == nullptr || values->IsNull(row) ? kNaN
                                                                           : values->Value(row));
      }
    }
    return arrow::Status::OK();
  }

  std::uint32_t CodeOf(std::string_view text) {
    if (!out_.texts.empty() && out_.texts[last_] == text) return last_;
    const auto [at, added] =
        codes_.try_emplace(std::string(text), static_cast<std::uint32_t>(out_.texts.size()));
    if (added) out_.texts.emplace_back(text);
    return last_ = at->second;
  }

  const ParquetRequest& request_;
  ParquetColumns out_;
  std::unordered_map<std::string, std::uint32_t> codes_;
  std::uint32_t last_ = 0;
};

}  // namespace

Result<ParquetColumns> ReadParquetColumns(const std::string& path, const ParquetRequest& request) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return Fail(Code::kNotFound, "there is no file " + path);
  }
  try {
    ColumnsReader reader(request);
    const arrow::Status status = reader.Read(path);
    if (status.ok()) return reader.Finish();
    return Fail(status.IsCapacityError() ? Code::kResourceExhausted : Code::kDataLoss,
                "Parquet file " + path + " cannot be read: " + status.message());
  } catch (const std::exception& exception) {
    return Fail(Code::kDataLoss, "Parquet file " + path + " cannot be read: " + exception.what());
  }
}

}  // namespace tocsin
