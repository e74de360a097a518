#include "batch/parquet_row_group.h"

#include <zstd.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "batch/parquet_encoding.h"
#include "batch/thrift_writer.h"

namespace tocsin {
namespace {

constexpr std::size_t kPageRows = 32'768;
constexpr std::size_t kMaxDictionary = 1 << 16;  // distinct metrics
constexpr std::size_t kMaxRangeText = 256;       // bytes; a device id always fits
constexpr std::size_t kLeastTrialBytes = 4096;   // smaller pages say little about the others

// Numbers of the format.
constexpr int kDataPage = 0;
constexpr int kDictionaryPage = 2;
constexpr int kPlain = 0;
constexpr int kRle = 3;
constexpr int kDeltaBinaryPacked = 5;
constexpr int kRleDictionary = 8;

template <class T>
std::string PlainBytes(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

void WidenRange(ParquetStatistics& all, const ParquetStatistics& part,
                bool (*less)(std::string_view, std::string_view)) {
  all.null_count += part.null_count;
  if (!part.has_range) return;
  if (!all.has_range || less(part.min, all.min)) all.min = part.min;
  if (!all.has_range || less(all.max, part.max)) all.max = part.max;
  all.has_range = true;
}

template <class T>
bool LessAs(std::string_view a, std::string_view b) {
  return GetFixed<T>(a.data()) < GetFixed<T>(b.data());
}
bool LessText(std::string_view a, std::string_view b) {
  return a < b;
}

}  // namespace

ParquetType ParquetTypeOf(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::kText:
      return ParquetType::kByteArray;
    case ColumnKind::kDouble:
      return ParquetType::kDouble;
    case ColumnKind::kBool:
      return ParquetType::kBoolean;
    case ColumnKind::kTime:
    case ColumnKind::kInt64:
      break;
  }
  return ParquetType::kInt64;
}

class ParquetEncoder::Impl {
 public:
  Impl(const TableSchema& schema, int zstd_level)
      : schema_(schema), zstd_level_(zstd_level), zstd_(ZSTD_createCCtx()) {}
  ~Impl() { ZSTD_freeCCtx(zstd_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<std::unique_ptr<ParquetRowGroup>> Encode(const TableChunk& chunk) {
    if (zstd_ == nullptr) return Fail(Code::kInternal, "zstd has no memory to start");
    auto group = std::make_unique<ParquetRowGroup>();
    group->rows = chunk.rows;
    for (std::size_t c = 0; c < schema_.size(); ++c) {
      group_ = group.get();
      column_ = &group->columns.emplace_back();
      column_->begin = static_cast<std::int64_t>(group->bytes.size());
      TOCSIN_TRY(EncodeColumn(schema_[c].kind, chunk.columns[c], chunk.rows));
      column_->size = static_cast<std::int64_t>(group->bytes.size()) - column_->begin;
    }
    return group;
  }

 private:
  struct Rows {
    std::size_t begin;
    std::size_t end;
  };

  Status EncodeColumn(ColumnKind kind, const Column& column, std::size_t rows) {
    switch (kind) {
      case ColumnKind::kText:
        return EncodeText(column, rows);
      case ColumnKind::kDouble:
        return EncodeDoubles(column, rows);
      case ColumnKind::kBool:
        return EncodeBools(column, rows);
      case ColumnKind::kTime:
      case ColumnKind::kInt64:
        return EncodeIntegers(column, rows);
    }
    return {};
  }

  Status EncodeText(const Column& column, std::size_t rows) {
    column_->has_dictionary = true;
    column_->value_encoding = kRleDictionary;
    std::string plain;
    for (const std::string_view text : column.dictionary) {
      PutFixed(plain, static_cast<std::uint32_t>(text.size()));
      plain += text;
    }
    KeepDictionary(plain, column.dictionary.size());
    const unsigned width = BitWidth(column.dictionary.empty() ? 0 : column.dictionary.size() - 1);
    const bool long_texts = std::ranges::any_of(
        column.dictionary, [](std::string_view text) { return text.size() > kMaxRangeText; });
    return ForPages(rows, [&](Rows page) -> Status {
      const std::span<const std::uint32_t> codes(column.codes.data() + page.begin,
                                                 page.end - page.begin);
      const std::span<const std::uint32_t> present = PutTextLevels(page, codes);
      ParquetStatistics statistics;
      if (!present.empty() && !long_texts) SetTextRange(column, present, statistics);
      page_ += static_cast<char>(width);
      PutHybrid(present, width, page_);
      return PutPage(page, present.size(), std::move(statistics), LessText);
    });
  }

  // Returns the codes that are there.
  std::span<const std::uint32_t> PutTextLevels(Rows page, std::span<const std::uint32_t> codes) {
    if (std::ranges::count(codes, Column::kNullCode) == 0) {
      PutAllPresent(page);
      return codes;
    }
    codes_.clear();
    PutLevels(
        page, [&](std::size_t row) { return codes[row - page.begin] != Column::kNullCode; },
        [&](std::size_t row) { codes_.push_back(codes[row - page.begin]); });
    return codes_;
  }

  // Runs of one text, as sorted rows have them, are looked at once.
  static void SetTextRange(const Column& column, std::span<const std::uint32_t> codes,
                           ParquetStatistics& statistics) {
    std::uint32_t last = codes[0];
    std::string_view min = column.dictionary[last];
    std::string_view max = min;
    for (const std::uint32_t code : codes) {
      if (code == last) continue;
      last = code;
      const std::string_view text = column.dictionary[code];
      if (text < min) min = text;
      if (text > max) max = text;
    }
    statistics = {.has_range = true, .min = std::string(min), .max = std::string(max)};
  }

  // A dictionary pays when its values and the numbers of all rows take clearly less than the rows.
  Status EncodeDoubles(const Column& column, std::size_t rows) {
    present_.clear();
    for (const double value : column.doubles) {
      if (!std::isnan(value)) present_.push_back(value);
    }
    all_codes_.resize(present_.size());
    dictionary_.Clear();
    const std::size_t most = std::min(kMaxDictionary, present_.size() / 2 + 1);
    const bool dictionary = dictionary_.Encode(present_, most, all_codes_.data());
    unsigned width = 0;
    if (dictionary) {
      const std::vector<double>& values = dictionary_.values();
      width = BitWidth(values.empty() ? 0 : values.size() - 1);
      column_->has_dictionary = true;
      column_->value_encoding = kRleDictionary;
      KeepDictionary({reinterpret_cast<const char*>(values.data()), values.size() * 8},
                     values.size());
    } else {
      column_->value_encoding = kPlain;
    }
    std::size_t at = 0;  // in present_
    const bool all = present_.size() == rows;
    return ForPages(rows, [&](Rows page) -> Status {
      const std::size_t present =
          all ? PutAllPresent(page)
              : PutLevels(
                    page, [&](std::size_t row) { return !std::isnan(column.doubles[row]); },
                    [](std::size_t) {});
      const std::span<const double> values(present_.data() + at, present);
      ParquetStatistics statistics;
      if (present > 0) {
        const auto [min, max] = std::ranges::minmax(values);
        // A zero has two signs that compare equal: the range covers both.
        statistics = {.has_range = true,
                      .min = PlainBytes(min == 0 ? -0.0 : min),
                      .max = PlainBytes(max == 0 ? 0.0 : max)};
      }
      if (dictionary) {
        page_ += static_cast<char>(width);
        PutHybrid(std::span(all_codes_).subspan(at, present), width, page_);
      } else {
        page_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
      }
      at += present;
      return PutPage(page, present, std::move(statistics), LessAs<double>);
    });
  }

  Status EncodeIntegers(const Column& column, std::size_t rows) {
    column_->value_encoding = kDeltaBinaryPacked;
    return ForPages(rows, [&](Rows page) -> Status {
      const std::size_t present = PutAllPresent(page);
      const auto values = std::span(column.ints).subspan(page.begin, present);
      const auto [min, max] = std::ranges::minmax(values);
      PutDeltaBinaryPacked(values, page_);
      return PutPage(page, present,
                     {.has_range = true, .min = PlainBytes(min), .max = PlainBytes(max)},
                     LessAs<std::int64_t>);
    });
  }

  Status EncodeBools(const Column& column, std::size_t rows) {
    column_->value_encoding = kPlain;
    return ForPages(rows, [&](Rows page) -> Status {
      const std::size_t present = PutAllPresent(page);
      const auto values = std::span(column.bools).subspan(page.begin, present);
      const auto [min, max] = std::ranges::minmax(values);
      PutBits(values, page_);
      return PutPage(page, present,
                     {.has_range = true, .min = PlainBytes(min), .max = PlainBytes(max)},
                     LessAs<std::uint8_t>);
    });
  }

  template <class Action>
  Status ForPages(std::size_t rows, Action action) {
    for (std::size_t begin = 0; begin < rows; begin += kPageRows) {
      page_.clear();
      TOCSIN_TRY(action(Rows{begin, std::min(rows, begin + kPageRows)}));
    }
    return {};
  }

  // The definition levels (0 = null, 1 = present) with their length before them.
  std::size_t PutAllPresent(Rows page) {
    const std::size_t rows = page.end - page.begin;
    std::string levels;
    PutVarint(levels, rows << 1);
    levels += '\x01';
    PutFixed(page_, static_cast<std::uint32_t>(levels.size()));
    page_ += levels;
    return rows;
  }
  template <class IsPresent, class Take>
  std::size_t PutLevels(Rows page, IsPresent is_present, Take take) {
    levels_.clear();
    std::size_t present = 0;
    for (std::size_t row = page.begin; row < page.end; ++row) {
      const bool here = is_present(row);
      levels_.push_back(here ? 1 : 0);
      present += here ? 1 : 0;
      if (here) take(row);
    }
    std::string levels;
    PutHybrid(levels_, 1, levels);
    PutFixed(page_, static_cast<std::uint32_t>(levels.size()));
    page_ += levels;
    return present;
  }

  // Kept until the first page of data has decided about compression; it stands before that.
  void KeepDictionary(std::string_view plain, std::size_t count) {
    dictionary_plain_ = plain;
    dictionary_count_ = count;
  }

  Status PutPage(Rows page, std::size_t present, ParquetStatistics statistics,
                 bool (*less)(std::string_view, std::string_view)) {
    const std::size_t rows = page.end - page.begin;
    statistics.null_count = static_cast<std::int64_t>(rows - present);
    if (page.begin == 0) {
      TOCSIN_TRY(DecideCompression());
      if (column_->has_dictionary) {
        TOCSIN_TRY(PutBytesOfPage(dictionary_plain_, kDictionaryPage, dictionary_count_, kPlain));
      }
    }
    const std::size_t begin = group_->bytes.size();
    TOCSIN_TRY(PutBytesOfPage(page_, kDataPage, rows, column_->value_encoding));
    WidenRange(column_->statistics, statistics, less);
    column_->pages.push_back({.offset = static_cast<std::int64_t>(begin),
                              .size = static_cast<std::int32_t>(group_->bytes.size() - begin),
                              .first_row = static_cast<std::int64_t>(page.begin),
                              .rows = static_cast<std::int64_t>(rows),
                              .statistics = std::move(statistics)});
    return {};
  }

  // Numbers of dictionary entries and differences of times are often packed so tightly that zstd
  // finds nothing in them: then the column is left as it is, which the first page tells.
  Status DecideCompression() {
    if (page_.size() < kLeastTrialBytes) return {};
    TOCSIN_ASSIGN(const std::size_t size, Compress(page_));
    column_->is_compressed = size + size / 32 < page_.size();
    return {};
  }

  Result<std::size_t> Compress(std::string_view plain) {
    packed_.resize(ZSTD_compressBound(plain.size()));
    const std::size_t size = ZSTD_compressCCtx(zstd_, packed_.data(), packed_.size(), plain.data(),
                                               plain.size(), zstd_level_);
    if (ZSTD_isError(size) == 0) return size;
    return Fail(Code::kInternal, std::string("zstd: ") + ZSTD_getErrorName(size));
  }

  // A page: its header, then its bytes, compressed when the column is.
  Status PutBytesOfPage(std::string_view plain, int type, std::size_t count, int encoding) {
    std::string_view stored = plain;
    if (column_->is_compressed) {
      TOCSIN_ASSIGN(const std::size_t size, Compress(plain));
      stored = {packed_.data(), size};
    }
    const std::size_t begin = group_->bytes.size();
    ThriftWriter header(group_->bytes);
    header.BeginElement();
    header.I32(1, type);
    header.I32(2, static_cast<std::int64_t>(plain.size()));
    header.I32(3, static_cast<std::int64_t>(stored.size()));
    header.BeginStruct(type == kDataPage ? 5 : 7);
    header.I32(1, static_cast<std::int64_t>(count));
    header.I32(2, encoding);
    if (type == kDataPage) {
      header.I32(3, kRle);  // of the definition levels
      header.I32(4, kRle);  // of the repetition levels, which a flat column has none of
    }
    header.End();
    header.End();
    column_->unpacked_size +=
        static_cast<std::int64_t>(group_->bytes.size() - begin + plain.size());
    group_->bytes.append(stored);
    return {};
  }

  const TableSchema& schema_;
  const int zstd_level_;
  ZSTD_CCtx* const zstd_;
  ParquetRowGroup* group_ = nullptr;
  ParquetColumnChunk* column_ = nullptr;
  std::string page_;
  std::string dictionary_plain_;
  std::size_t dictionary_count_ = 0;
  std::vector<char> packed_;
  std::vector<std::uint32_t> levels_;
  std::vector<std::uint32_t> codes_;
  std::vector<double> present_;
  std::vector<std::uint32_t> all_codes_;
  DoubleDictionary dictionary_;
};

ParquetEncoder::ParquetEncoder(const TableSchema& schema, int zstd_level)
    : impl_(std::make_unique<Impl>(schema, zstd_level)) {}
ParquetEncoder::~ParquetEncoder() = default;

Result<std::unique_ptr<ParquetRowGroup>> ParquetEncoder::Encode(const TableChunk& chunk) {
  return impl_->Encode(chunk);
}

}  // namespace tocsin
