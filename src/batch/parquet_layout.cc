#include "base/bytes.h"
#include "base/field_reader.h"
#include "batch/parquet_row_group.h"

namespace tocsin {
namespace {

// Two ways for all of a row group beside its bytes, so that one list of the fields serves both.
class LayoutWriter {
 public:
  explicit LayoutWriter(std::string& out) : out_(out) {}
  template <class T>
  void Number(const T& value) {
    PutVarint(out_, static_cast<std::uint64_t>(value));
  }
  void Text(const std::string& text) { PutBytes(out_, text); }
  template <class T, class Use>
  void List(std::vector<T>& list, const Use& use) {
    Number(list.size());
    for (T& element : list) use(element);
  }

 private:
  std::string& out_;
};

class LayoutReader {
 public:
  explicit LayoutReader(std::string_view bytes) : fields_(bytes) {}
  template <class T>
  void Number(T& value) {
    value = static_cast<T>(fields_.Number());
  }
  void Text(std::string& text) { text = fields_.Bytes(); }
  template <class T, class Use>
  void List(std::vector<T>& list, const Use& use) {
    for (std::uint64_t left = fields_.Number(); left > 0 && fields_.good(); --left) {
      use(list.emplace_back());
    }
  }
  bool at_end() const { return fields_.at_end(); }

 private:
  FieldReader fields_;
};

template <class Way>
void Pass(Way& way, ParquetStatistics& statistics) {
  way.Number(statistics.null_count);
  way.Number(statistics.has_range);
  way.Text(statistics.min);
  way.Text(statistics.max);
}

template <class Way>
void Pass(Way& way, std::vector<ParquetColumnChunk>& columns) {
  way.List(columns, [&](ParquetColumnChunk& column) {
    way.Number(column.begin);
    way.Number(column.size);
    way.Number(column.unpacked_size);
    way.Number(column.has_dictionary);
    way.Number(column.value_encoding);
    way.Number(column.is_compressed);
    way.List(column.pages, [&](ParquetColumnChunk::Page& page) {
      way.Number(page.offset);
      way.Number(page.size);
      way.Number(page.first_row);
      way.Number(page.rows);
      Pass(way, page.statistics);
    });
    Pass(way, column.statistics);
  });
}

}  // namespace

std::string ParquetRowGroup::Layout() const {
  std::string out;
  LayoutWriter writer(out);
  std::vector<ParquetColumnChunk> copy = columns;
  Pass(writer, copy);
  return out;
}

bool ParquetRowGroup::ReadLayout(std::string_view layout) {
  LayoutReader reader(layout);
  Pass(reader, columns);
  // The writer takes it for granted that there is a page.
  for (const ParquetColumnChunk& column : columns) {
    if (column.pages.empty()) return false;
  }
  return reader.at_end();
}

}  // namespace tocsin
