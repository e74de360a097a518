#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "batch/batch_test_support.h"
#include "batch/parquet_test_reader.h"
#include "batch/table.h"

namespace tocsin {
namespace {

constexpr double kNull = std::numeric_limits<double>::quiet_NaN();

const TableSchema kSchema = {{"device_id", ColumnKind::kText},
                             {"timestamp", ColumnKind::kTime},
                             {"temperature", ColumnKind::kDouble},
                             {"is_alert", ColumnKind::kBool},
                             {"count", ColumnKind::kInt64}};

TableChunk ThreeRows() {
  TableChunk chunk(kSchema.size());
  chunk.rows = 3;
  chunk.columns[0].dictionary = {"a,\"b\"", ""};
  chunk.columns[0].codes = {0, 1, Column::kNullCode};
  chunk.columns[1].ints = {1763892930123456, -1, 0};
  chunk.columns[2].doubles = {31.42, kNull, -0.1};
  chunk.columns[3].bools = {1, 0, 1};
  chunk.columns[4].ints = {7, -9'007'199'254'740'993, 0};
  return chunk;
}

Status Write(TableWriter& writer, const TableChunk& chunk) {
  TOCSIN_ASSIGN(std::unique_ptr<EncodedChunk> encoded, writer.MakeEncoder()->Encode(chunk));
  return writer.Append(std::move(encoded));
}

Result<std::unique_ptr<TableWriter>> MakeParquet(const std::string& path,
                                                 const TableSchema& schema) {
  return MakeParquetWriter(path, schema);
}

void WriteChunks(Result<std::unique_ptr<TableWriter>> writer, int chunks) {
  ASSERT_TRUE(writer.has_value()) << writer.error().message();
  for (int i = 0; i < chunks; ++i) ASSERT_TRUE(Write(**writer, ThreeRows()).has_value());
  ASSERT_TRUE((*writer)->Finish().has_value());
}

TEST(CsvWriterTest, QuotesWhatNeedsItAndKeepsNullApartFromEmptyText) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "t.csv";
  WriteChunks(MakeCsvWriter(path, kSchema), 1);
  EXPECT_EQ(ReadWholeFile(path),
            "device_id,timestamp,temperature,is_alert,count\r\n"
            "\"a,\"\"b\"\"\",2025-11-23T10:15:30.123456Z,31.42,true,7\r\n"
            "\"\",1969-12-31T23:59:59.999999Z,,false,-9007199254740993\r\n"
            ",1970-01-01T00:00:00.000000Z,-0.1,true,0\r\n");
}

TEST(CsvWriterTest, QuotesLineEndsInsideText) {
  const ScratchDirectory scratch;
  TableChunk chunk(1);
  chunk.rows = 2;
  chunk.columns[0].dictionary = {"a\nb", "c\rd"};
  chunk.columns[0].codes = {0, 1};
  auto writer = MakeCsvWriter(scratch / "t.csv", {{"status", ColumnKind::kText}});
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE(Write(**writer, chunk).has_value());
  ASSERT_TRUE((*writer)->Finish().has_value());
  EXPECT_EQ(ReadWholeFile(scratch / "t.csv"), "status\r\n\"a\nb\"\r\n\"c\rd\"\r\n");
}

TEST(ParquetWriterTest, ReadsBackEveryKindOfValueOverRowGroups) {
  const ScratchDirectory scratch;
  const std::string path = scratch / "t.parquet";
  WriteChunks(MakeParquetWriter(path, kSchema), 2);
  const ReadBackTable table = ReadParquet(path);
  EXPECT_EQ(table.columns,
            (std::vector<std::string>{"device_id: string", "timestamp: timestamp[us, tz=UTC]",
                                      "temperature: double", "is_alert: bool", "count: int64"}));
  EXPECT_EQ(table.row_groups, 2);
  ASSERT_EQ(table.rows.size(), 6U);
  using Row = std::vector<std::optional<std::string>>;
  for (const std::size_t first : {0U, 3U}) {
    EXPECT_EQ(table.rows[first], (Row{"a,\"b\"", "1763892930123456", "31.42", "true", "7"}));
    EXPECT_EQ(table.rows[first + 1], (Row{"", "-1", std::nullopt, "false", "-9007199254740993"}));
    EXPECT_EQ(table.rows[first + 2], (Row{std::nullopt, "0", "-0.1", "true", "0"}));
  }
}

TEST(ParquetWriterTest, AFileWithoutRowsHasItsColumns) {
  const ScratchDirectory scratch;
  WriteChunks(MakeParquetWriter(scratch / "t.parquet", kSchema), 0);
  const ReadBackTable table = ReadParquet(scratch / "t.parquet");
  EXPECT_EQ(table.columns.size(), kSchema.size());
  EXPECT_TRUE(table.rows.empty());
}

TEST(TableWriterTest, APathThatCannotBeWrittenIsADiskErrorNamingIt) {
  const ScratchDirectory scratch;
  scratch.Write("file", "");
  for (const auto make : {MakeParquet, MakeCsvWriter}) {
    const auto writer = make(scratch / "file/t", kSchema);
    ASSERT_FALSE(writer.has_value());
    EXPECT_EQ(writer.error().code(), Code::kDiskError);
    EXPECT_NE(writer.error().message().find("file/t"), std::string::npos);
  }
}

TEST(TableWriterTest, AFullDiskIsADiskError) {
  for (const auto make : {MakeParquet, MakeCsvWriter}) {
    const auto write = [&]() -> Status {
      TOCSIN_ASSIGN(const auto writer, make("/dev/full", kSchema));
      TOCSIN_TRY(Write(*writer, ThreeRows()));
      return writer->Finish();
    };
    const Status status = write();
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code(), Code::kDiskError) << status.error().message();
  }
}

TEST(PreviewTextTest, AlignsColumnsAndStopsAtTheLimit) {
  EXPECT_EQ(PreviewText(kSchema, ThreeRows(), 2),
            "device_id  timestamp                    temperature  is_alert              count\n"
            "a,\"b\"      2025-11-23T10:15:30.123456Z        31.42  true                      7\n"
            "           1969-12-31T23:59:59.999999Z            -  false     -9007199254740993\n");
}

}  // namespace
}  // namespace tocsin
