#include "base/bytes.h"
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
  explicit LayoutReader(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  template <class T>
  void Number(T& value) {
    std::uint64_t number = 0;
    if (at_ != nullptr) at_ = ReadVarint(at_, end_, number);
    if (at_ != nullptr) value = static_cast<T>(number);
  }
  void Text(std::string& text) {
    std::string_view bytes;
    if (at_ != nullptr) at_ = ReadBytes(at_, end_, bytes);
    if (at_ != nullptr) text = bytes;
  }
  template <class T, class Use>
  void List(std::vector<T>& list, const Use& use) {
    std::uint64_t size = 0;
    Number(size);
    for (std::uint64_t i = 0; at_ != nullptr && i < size; ++i) use(list.emplace_back());
  }
  bool at_end() const { return at_ == end_; }

 private:
  const char* at_;
  const char* const end_;
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
