#include <fcntl.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/file.h"
#include "base/time_text.h"
#include "batch/table.h"

namespace tocsin {
namespace {

void AppendText(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos;
  if (plain) {
    out += text;
    return;
  }
  out += '"';
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

template <class T>
void AppendNumber(std::string& out, T value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  out.append(buffer.data(), end);
}

void AppendCell(std::string& out, ColumnKind kind, const Column& column, std::size_t row) {
  switch (kind) {
    case ColumnKind::kText:
      if (column.codes[row] != Column::kNullCode) {
        AppendText(out, column.dictionary[column.codes[row]]);
      }
      return;
    case ColumnKind::kTime: {
      char text[kTimeTextSize];
      WriteTime(column.ints[row], text);
      out.append(text, sizeof text);
      return;
    }
    case ColumnKind::kDouble:
      if (!std::isnan(column.doubles[row])) AppendNumber(out, column.doubles[row]);
      return;
    case ColumnKind::kBool:
      out += column.bools[row] != 0 ? "true" : "false";
      return;
    case ColumnKind::kInt64:
      AppendNumber(out, column.ints[row]);
      return;
  }
}

class CsvEncoder final : public TableEncoder {
 public:
  explicit CsvEncoder(const TableSchema& schema) : schema_(schema) {}

  Result<std::unique_ptr<EncodedChunk>> Encode(const TableChunk& chunk) override {
    auto encoded = std::make_unique<EncodedChunk>();
    encoded->rows = chunk.rows;
    std::string& out = encoded->bytes;
    for (std::size_t row = 0; row < chunk.rows; ++row) {
      for (std::size_t c = 0; c < schema_.size(); ++c) {
        if (c > 0) out += ',';
        AppendCell(out, schema_[c].kind, chunk.columns[c], row);
      }
      out += "\r\n";
    }
    return encoded;
  }

 private:
  const TableSchema& schema_;
};

class CsvWriter final : public TableWriter {
 public:
  CsvWriter(FileDescriptor fd, std::string path, const TableSchema& schema)
      : fd_(std::move(fd)), path_(std::move(path)), schema_(schema) {}
  Status Begin() {
    std::string header;
    for (const ColumnSpec& column : schema_) {
      if (!header.empty()) header += ',';
      AppendText(header, column.name);
    }
    return Put(header + "\r\n");
  }

  std::unique_ptr<TableEncoder> MakeEncoder() const override {
    return std::make_unique<CsvEncoder>(schema_);
  }
  std::unique_ptr<EncodedChunk> Restore(std::string bytes, std::size_t rows,
                                        std::string_view) const override {
    auto chunk = std::make_unique<EncodedChunk>();
    chunk->bytes = std::move(bytes);
    chunk->rows = rows;
    return chunk;
  }
  Status Append(std::unique_ptr<EncodedChunk> chunk) override { return Put(chunk->bytes); }
  std::uint64_t position() const override { return position_; }
  Status Finish() override { return {}; }

 private:
  Status Put(std::string_view bytes) {
    TOCSIN_TRY(WriteAll(fd_.get(), bytes, path_));
    position_ += bytes.size();
    return {};
  }

  FileDescriptor fd_;
  std::string path_;
  TableSchema schema_;
  std::uint64_t position_ = 0;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> MakeCsvWriter(const std::string& path,
                                                   const TableSchema& schema) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  auto writer = std::make_unique<CsvWriter>(std::move(fd), path, schema);
  TOCSIN_TRY(writer->Begin());
  return writer;
}

}  // namespace tocsin
