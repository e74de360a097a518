#include "batch/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/time_text.h"

namespace tocsin {
namespace {

std::string CellText(ColumnKind kind, const Column& column, std::size_t row) {
  char buffer[32];
  switch (kind) {
    case ColumnKind::kText:
      if (column.codes[row] == Column::kNullCode) return "-";
      return std::string(column.dictionary[column.codes[row]]);
    case ColumnKind::kTime:
      return FormatTime(column.ints[row]);
    case ColumnKind::kDouble: {
      if (std::isnan(column.doubles[row])) return "-";
      const auto end = std::to_chars(buffer, buffer + sizeof buffer, column.doubles[row],
                                     std::chars_format::general, 6);
      return std::string(buffer, end.ptr);
    }
    case ColumnKind::kBool:
      return column.bools[row] != 0 ? "true" : "false";
    case ColumnKind::kInt64:
      return std::to_string(column.ints[row]);
  }
  return "";
}

std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Control characters of a device id must not reach the terminal.
std::string Printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

void TableChunk::Clear() {
  rows = 0;
  for (Column& column : columns) {
    column.codes.clear();
    column.dictionary.clear();
    column.doubles.clear();
    column.ints.clear();
    column.bools.clear();
  }
}

std::string PreviewText(const TableSchema& schema, const TableChunk& chunk, std::size_t max_rows) {
  const std::size_t rows = std::min(chunk.rows, max_rows);
  std::vector<std::vector<std::string>> lines(rows + 1);
  for (std::size_t c = 0; c < schema.size(); ++c) {
    std::vector<std::string> cells = {schema[c].name};
    for (std::size_t r = 0; r < rows; ++r) {
      cells.push_back(Printable(CellText(schema[c].kind, chunk.columns[c], r)));
    }
    std::size_t width = 0;
    for (const std::string& cell : cells) width = std::max(width, Width(cell));
    const bool right =
        schema[c].kind == ColumnKind::kDouble || schema[c].kind == ColumnKind::kInt64;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(width - Width(cells[i]), ' ');
      lines[i].push_back(right ? pad + cells[i] : cells[i] + pad);
    }
  }
  std::string out;
  for (const std::vector<std::string>& line : lines) {
    const std::size_t begin = out.size();
    for (const std::string& cell : line) {
      if (out.size() > begin) out += "  ";
      out += cell;
    }
    while (out.size() > begin && out.back() == ' ') out.pop_back();
    out += '\n';
  }
  return out;
}

}  // namespace tocsin
