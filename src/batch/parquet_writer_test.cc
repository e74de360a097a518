#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gtest/gtest.h>
#include <parquet/file_reader.h>
#include <parquet/page_index.h>
#include <parquet/statistics.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/random.h"
#include "batch/batch_test_support.h"
#include "batch/parquet_encoding.h"
#include "batch/parquet_test_reader.h"
#include "batch/table.h"

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

void WriteTable(const std::string& path, const TableSchema& schema,
                const std::vector<const TableChunk*>& chunks) {
  auto writer = MakeParquetWriter(path, schema);
  ASSERT_TRUE(writer.has_value()) << writer.error().message();
  const auto encoder = (*writer)->MakeEncoder();
  for (const TableChunk* chunk : chunks) {
    auto encoded = encoder->Encode(*chunk);
    ASSERT_TRUE(encoded.has_value());
    ASSERT_TRUE((*writer)->Append(std::move(*encoded)).has_value());
  }
  ASSERT_TRUE((*writer)->Finish().has_value());
}

// How the values of a column are spread: what decides about its encoding.
enum class Spread { kConstant, kFew, kRuns, kAllDifferent };

std::uint64_t Next(Spread spread, std::size_t row, SeededRandom& random) {
  switch (spread) {
    case Spread::kConstant:
      return 7;
    case Spread::kFew:
      return random.NextBelow(11);
    case Spread::kRuns:
      return row / 137;
    case Spread::kAllDifferent:
      break;
  }
  return random.Next();
}

TableChunk RandomChunk(std::size_t rows, Spread spread, bool nulls, SeededRandom& random,
                       const std::vector<std::string>& texts) {
  TableChunk chunk(5);
  chunk.rows = rows;
  std::map<std::size_t, std::uint32_t> code_of;
  for (std::size_t row = 0; row < rows; ++row) {
    const bool null = nulls && random.NextBelow(5) == 0;
    const std::size_t text = Next(spread, row, random) % texts.size();
    const auto [code, is_new] = code_of.try_emplace(text, code_of.size());
    if (is_new) chunk.columns[0].dictionary.push_back(texts[text]);
    chunk.columns[0].codes.push_back(null ? Column::kNullCode : code->second);
    chunk.columns[1].ints.push_back(static_cast<std::int64_t>(Next(spread, row, random)));
    const double value = spread == Spread::kAllDifferent
                             ? random.NextDouble() - 0.5
                             : static_cast<double>(Next(spread, row, random)) / 100;
    chunk.columns[2].doubles.push_back(null ? kNull : value);
    chunk.columns[3].bools.push_back(static_cast<std::uint8_t>(Next(spread, row, random) & 1));
    chunk.columns[4].ints.push_back(static_cast<std::int64_t>(row) * 1'000'003);
  }
  return chunk;
}

const TableSchema kSchema = {{"device_id", ColumnKind::kText},
                             {"timestamp", ColumnKind::kTime},
                             {"temperature", ColumnKind::kDouble},
                             {"is_alert", ColumnKind::kBool},
                             {"count", ColumnKind::kInt64}};

void ExpectSame(const ReadBackTable& table, std::size_t first, const TableChunk& chunk) {
  for (std::size_t row = 0; row < chunk.rows; ++row) {
    const auto& read = table.rows[first + row];
    const std::uint32_t code = chunk.columns[0].codes[row];
    if (code == Column::kNullCode) {
      ASSERT_FALSE(read[0].has_value()) << row;
    } else {
      ASSERT_EQ(read[0], std::string(chunk.columns[0].dictionary[code])) << row;
    }
    ASSERT_EQ(read[1], std::to_string(chunk.columns[1].ints[row])) << row;
    const double value = chunk.columns[2].doubles[row];
    ASSERT_EQ(read[2].has_value(), !std::isnan(value)) << row;
    if (read[2]) {
      ASSERT_EQ(std::stod(*read[2]), value) << row;
    }
    ASSERT_EQ(read[3], chunk.columns[3].bools[row] != 0 ? "true" : "false") << row;
    ASSERT_EQ(read[4], std::to_string(chunk.columns[4].ints[row])) << row;
  }
}

TEST(ParquetWriterTest, ReadsBackWhateverTheValuesAreLike) {
  const ScratchDirectory scratch;
  const std::vector<std::string> texts = {"", "a", "dev_12", std::string(300, 'x'), "ä"};
  SeededRandom random(5);
  for (const Spread spread :
       {Spread::kConstant, Spread::kFew, Spread::kRuns, Spread::kAllDifferent}) {
    for (const bool nulls : {false, true}) {
      for (const std::size_t rows : {1U, 7U, 8U, 129U, 1000U}) {
        const TableChunk one = RandomChunk(rows, spread, nulls, random, texts);
        const TableChunk two = RandomChunk(rows + 3, spread, nulls, random, texts);
        WriteTable(scratch / "t.parquet", kSchema, {&one, &two});
        const ReadBackTable table = ReadParquet(scratch / "t.parquet");
        ASSERT_EQ(table.rows.size(), one.rows + two.rows);
        EXPECT_EQ(table.row_groups, 2);
        ExpectSame(table, 0, one);
        ExpectSame(table, one.rows, two);
      }
    }
  }
}

TEST(ParquetWriterTest, ReadsBackOverManyPages) {
  const ScratchDirectory scratch;
  SeededRandom random(6);
  const std::vector<std::string> texts = {"a", "b", "c"};
  const TableChunk chunk = RandomChunk(70'000, Spread::kFew, true, random, texts);
  WriteTable(scratch / "t.parquet", kSchema, {&chunk});
  ExpectSame(ReadParquet(scratch / "t.parquet"), 0, chunk);
}

TEST(ParquetWriterTest, ReadsBackColumnsOfNullsAndTheEdgesOfNumbers) {
  const ScratchDirectory scratch;
  TableChunk chunk(3);
  chunk.rows = 5;
  chunk.columns[0].codes.assign(5, Column::kNullCode);
  chunk.columns[1].ints = {std::numeric_limits<std::int64_t>::min(),
                           std::numeric_limits<std::int64_t>::max(), 0, -1,
                           std::numeric_limits<std::int64_t>::min()};
  chunk.columns[2].doubles.assign(5, kNull);
  WriteTable(scratch / "t.parquet",
             {{"status", ColumnKind::kText}, {"n", ColumnKind::kInt64}, {"x", ColumnKind::kDouble}},
             {&chunk});
  const ReadBackTable table = ReadParquet(scratch / "t.parquet");
  for (std::size_t row = 0; row < 5; ++row) {
    EXPECT_EQ(table.rows[row][0], std::nullopt);
    EXPECT_EQ(table.rows[row][1], std::to_string(chunk.columns[1].ints[row]));
    EXPECT_EQ(table.rows[row][2], std::nullopt);
  }
}

TEST(ParquetWriterTest, AChunkFromItsBytesAndLayoutIsTheChunk) {
  const ScratchDirectory scratch;
  SeededRandom random(7);
  const std::vector<std::string> texts = {"", "a", "dev_12", std::string(300, 'x')};
  for (const Spread spread : {Spread::kConstant, Spread::kFew, Spread::kAllDifferent}) {
    const TableChunk first = RandomChunk(40'000, spread, true, random, texts);
    const TableChunk second = RandomChunk(9, spread, false, random, texts);
    WriteTable(scratch / "encoded.parquet", kSchema, {&first, &second});
    auto writer = MakeParquetWriter(scratch / "restored.parquet", kSchema);
    ASSERT_TRUE(writer.has_value());
    for (const TableChunk* chunk : {&first, &second}) {
      const auto encoded = (*writer)->MakeEncoder()->Encode(*chunk);
      ASSERT_TRUE(encoded.has_value());
      const std::string layout = (*encoded)->Layout();
      EXPECT_EQ((*writer)->Restore((*encoded)->bytes, chunk->rows, layout.substr(1)), nullptr);
      auto restored = (*writer)->Restore((*encoded)->bytes, chunk->rows, layout);
      ASSERT_NE(restored, nullptr);
      const std::uint64_t begin = (*writer)->position();
      ASSERT_TRUE((*writer)->Append(std::move(restored)).has_value());
      EXPECT_EQ((*writer)->position(), begin + (*encoded)->bytes.size());
    }
    ASSERT_TRUE((*writer)->Finish().has_value());
    EXPECT_EQ(ReadWholeFile(scratch / "restored.parquet").value(),
              ReadWholeFile(scratch / "encoded.parquet").value());
  }
}

TEST(ParquetWriterTest, StatisticsAndPageIndexTellTheRanges) {
  const ScratchDirectory scratch;
  TableChunk chunk(3);
  chunk.rows = 40'000;  // two pages
  chunk.columns[0].dictionary = {"b", "a"};
  for (std::size_t row = 0; row < chunk.rows; ++row) {
    chunk.columns[0].codes.push_back(row < 32'768 ? 0 : 1);
    chunk.columns[1].ints.push_back(static_cast<std::int64_t>(row));
    chunk.columns[2].doubles.push_back(row == 0 ? kNull : 0.0);
  }
  WriteTable(scratch / "t.parquet",
             {{"device_id", ColumnKind::kText},
              {"timestamp", ColumnKind::kTime},
              {"x", ColumnKind::kDouble}},
             {&chunk});
  const auto reader = parquet::ParquetFileReader::OpenFile(scratch / "t.parquet");
  const auto group = reader->metadata()->RowGroup(0);
  EXPECT_EQ(group->sorting_columns().size(), 2U);
  const auto device =
      std::static_pointer_cast<parquet::ByteArrayStatistics>(group->ColumnChunk(0)->statistics());
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(parquet::ByteArrayToString(device->min()), "a");
  EXPECT_EQ(parquet::ByteArrayToString(device->max()), "b");
  const auto x =
      std::static_pointer_cast<parquet::DoubleStatistics>(group->ColumnChunk(2)->statistics());
  ASSERT_NE(x, nullptr);
  EXPECT_EQ(x->null_count(), 1);
  EXPECT_TRUE(std::signbit(x->min()));  // a range around zero holds both zeros
  EXPECT_FALSE(std::signbit(x->max()));

  const auto pages = reader->GetPageIndexReader()->RowGroup(0);
  const auto times = std::static_pointer_cast<parquet::Int64ColumnIndex>(pages->GetColumnIndex(1));
  ASSERT_NE(times, nullptr);
  EXPECT_EQ(times->min_values(), (std::vector<std::int64_t>{0, 32'768}));
  EXPECT_EQ(times->max_values(), (std::vector<std::int64_t>{32'767, 39'999}));
  const auto places = pages->GetOffsetIndex(1);
  ASSERT_NE(places, nullptr);
  ASSERT_EQ(places->page_locations().size(), 2U);
  EXPECT_EQ(places->page_locations()[1].first_row_index, 32'768);
}

TEST(DoubleDictionaryTest, NumbersValuesByTheirBitsAndGivesUpBeyondTheLimit) {
  DoubleDictionary dictionary;
  std::vector<double> values = {1.5, -0.0, 0.0, 1.5, kNull};
  std::vector<std::uint32_t> codes(values.size());
  ASSERT_TRUE(dictionary.Encode(values, 4, codes.data()));
  EXPECT_EQ(codes, (std::vector<std::uint32_t>{0, 1, 2, 0, 3}));
  dictionary.Clear();
  EXPECT_FALSE(dictionary.Encode(values, 3, codes.data()));
  dictionary.Clear();
  values.clear();
  for (int i = 0; i < 50'000; ++i) values.push_back(i % 20'000 / 100.0);
  codes.resize(values.size());
  ASSERT_TRUE(dictionary.Encode(values, 20'000, codes.data()));
  for (std::size_t i = 0; i < values.size(); ++i) ASSERT_EQ(codes[i], i % 20'000);
}

}  // namespace
}  // namespace tocsin
