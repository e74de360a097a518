#include <fcntl.h>

#include <array>
#include <charconv>
#include <cmath>

#include "base/file.h"
#include "base/time_text.h"
#include "batch/table.h"

namespace tocsin {
namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

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

class CsvWriter final : public TableWriter {
 public:
  CsvWriter(FileDescriptor fd, std::string path, const TableSchema& schema)
      : fd_(std::move(fd)), path_(std::move(path)), schema_(schema) {
    for (const ColumnSpec& column : schema_) {
      if (!buffer_.empty()) buffer_ += ',';
      AppendText(buffer_, column.name);
    }
    buffer_ += "\r\n";
  }

  Status Write(const TableChunk& chunk) override {
    for (std::size_t row = 0; row < chunk.rows; ++row) {
      for (std::size_t c = 0; c < schema_.size(); ++c) {
        if (c > 0) buffer_ += ',';
        AppendCell(buffer_, schema_[c].kind, chunk.columns[c], row);
      }
      buffer_ += "\r\n";
      if (buffer_.size() >= kBufferBytes) TOCSIN_TRY(Flush());
    }
    return {};
  }

  Status Finish() override { return Flush(); }

 private:
  Status Flush() {
    TOCSIN_TRY(WriteAll(fd_.get(), buffer_, path_));
    buffer_.clear();
    return {};
  }

  FileDescriptor fd_;
  std::string path_;
  TableSchema schema_;
  std::string buffer_;
};

}  // namespace

Result<std::unique_ptr<TableWriter>> MakeCsvWriter(const std::string& path,
                                                   const TableSchema& schema) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  return std::make_unique<CsvWriter>(std::move(fd), path, schema);
}

}  // namespace tocsin
