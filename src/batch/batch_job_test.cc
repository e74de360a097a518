#include "batch/batch_job.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <sstream>

#include "base/random.h"
#include "base/time_text.h"
#include "batch/batch_test_support.h"
#include "batch/parquet_test_reader.h"
#include "batch/quality_report.h"
#include "log_backends/memory_log.h"

namespace tocsin {
namespace {

using Row = std::vector<std::optional<std::string>>;

std::string Event(std::string_view device, std::string_view time, std::string_view temperature,
                  std::string_view humidity, std::string_view rest = "") {
  std::ostringstream out;
  out << R"({"device_id":")" << device << R"(","timestamp":")" << time << R"(","temperature":)"
      << temperature << R"(,"humidity":)" << humidity << rest << "}\n";
  return out.str();
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

class BatchJobTest : public ::testing::Test {
 protected:
  BatchReport Run(const std::vector<std::string>& inputs, Log* log = nullptr) {
    options_.inputs = inputs;
    if (options_.output_dir.empty()) options_.output_dir = scratch_ / "out";
    const auto report = RunBatch(settings_, options_, log, {});
    EXPECT_TRUE(report.has_value()) << report.error().message();
    if (!report) return {};
    std::uint64_t accounted = report->cleansed + report->duplicates;
    for (const std::uint64_t count : report->rejected) accounted += count;
    EXPECT_EQ(report->rows_read, accounted);
    return *report;
  }
  BatchReport RunText(std::string_view text) { return Run({scratch_.Write("in.jsonl", text)}); }
  Error RunFails(const std::vector<std::string>& inputs, std::stop_token stop = {}) {
    options_.inputs = inputs;
    if (options_.output_dir.empty()) options_.output_dir = scratch_ / "out";
    const auto report = RunBatch(settings_, options_, nullptr, stop);
    EXPECT_FALSE(report.has_value());
    return report ? Error(Code::kInternal, "") : report.error();
  }
  ReadBackTable Cleansed() { return ReadParquet(options_.output_dir + "/cleansed.parquet"); }
  ReadBackTable Aggregates() { return ReadParquet(options_.output_dir + "/aggregates.parquet"); }
  std::string Rejects() { return ReadWholeFile(options_.output_dir + "/rejects.jsonl").value(); }

  ScratchDirectory scratch_;
  Settings settings_;
  BatchOptions options_;
};

TEST_F(BatchJobTest, TablesHaveTheColumnsOfTheContractAndAnEmptyInputHasNoRows) {
  const BatchReport report = RunText("");
  EXPECT_EQ(report.rows_read, 0U);
  EXPECT_EQ(Cleansed().columns,
            (std::vector<std::string>{"device_id: string", "timestamp: timestamp[us, tz=UTC]",
                                      "temperature: double", "humidity: double", "status: string",
                                      "is_temp_alert: bool", "is_humidity_alert: bool",
                                      "is_alert: bool"}));
  EXPECT_EQ(Aggregates().columns,
            (std::vector<std::string>{"device_id: string", "hour_bucket: timestamp[us, tz=UTC]",
                                      "temperature_avg: double", "temperature_max: double",
                                      "temperature_min: double", "humidity_avg: double",
                                      "humidity_max: double", "humidity_min: double",
                                      "alert_count: int64", "event_count: int64"}));
  EXPECT_TRUE(Cleansed().rows.empty());
  EXPECT_TRUE(Aggregates().rows.empty());
  EXPECT_EQ(Rejects(), "");
  EXPECT_EQ(report.outputs, (std::vector<std::string>{options_.output_dir + "/cleansed.parquet",
                                                      options_.output_dir + "/aggregates.parquet",
                                                      options_.output_dir + "/rejects.jsonl"}));
}

TEST_F(BatchJobTest, OrdersEnrichesAndAggregates) {
  const BatchReport report = RunText(
      Event("b", "1970-01-01T00:59:59.999999Z", "50", "25", R"(,"status":"OK","x":{"y":1})") +
      Event("b", "1970-01-01T01:00:00Z", "20", "25.5", R"(,"status":null)") +
      Event("a", "1970-01-01T00:00:01Z", "49.9", "10") +
      Event("B", "1970-01-01T00:00:00Z", "60", "30") +
      Event("b", "1970-01-01T00:00:00Z", "10", "75"));
  EXPECT_EQ(report.cleansed, 5U);
  EXPECT_EQ(report.devices, 3U);
  EXPECT_EQ(report.hours, 4U);
  EXPECT_EQ(Cleansed().rows,
            (std::vector<Row>{
                {"B", "0", "60", "30", std::nullopt, "true", "false", "true"},
                {"a", "1000000", "49.9", "10", std::nullopt, "false", "true", "true"},
                {"b", "0", "10", "75", std::nullopt, "false", "false", "false"},
                {"b", "3599999999", "50", "25", "OK", "true", "true", "true"},
                {"b", "3600000000", "20", "25.5", std::nullopt, "false", "false", "false"}}));
  EXPECT_EQ(
      Aggregates().rows,
      (std::vector<Row>{{"B", "0", "60", "60", "60", "30", "30", "30", "1", "1"},
                        {"a", "0", "49.9", "49.9", "49.9", "10", "10", "10", "1", "1"},
                        {"b", "0", "30", "50", "10", "50", "75", "25", "1", "2"},
                        {"b", "3600000000", "20", "20", "20", "25.5", "25.5", "25.5", "0", "1"}}));
}

TEST_F(BatchJobTest, RepeatsOfDeviceAndMicrosecondAreDroppedAndTheFirstStays) {
  const BatchReport report = RunText(Event("a", "2025-11-23T10:00:00.1234567Z", "1", "50") +
                                     Event("a", "2025-11-23T10:00:00.123456999+00:00", "2", "50") +
                                     Event("a", "2025-11-23T12:00:00.123456+02:00", "3", "50") +
                                     Event("b", "2025-11-23T10:00:00.123456Z", "4", "50") +
                                     Event("a", "2025-11-23T10:00:00.123457Z", "5", "50"));
  EXPECT_EQ(report.duplicates, 2U);
  const ReadBackTable table = Cleansed();
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.rows[0][2], "1");
  EXPECT_EQ(table.rows[1][2], "5");
  EXPECT_EQ(table.rows[2][2], "4");
}

TEST_F(BatchJobTest, ARejectedRowNeverTakesPartInDedup) {
  const BatchReport report = RunText(Event("a", "2025-11-23T10:00:00Z", "9999", "50") +
                                     Event("a", "2025-11-23T10:00:00Z", "2", "50"));
  EXPECT_EQ(report.duplicates, 0U);
  EXPECT_EQ(report.cleansed, 1U);
  EXPECT_EQ(Cleansed().rows[0][2], "2");
}

TEST_F(BatchJobTest, TheFirstInInputOrderStaysAcrossInputs) {
  const std::string z = scratch_.Write("z.jsonl", Event("a", "2025-11-23T10:00:00Z", "1", "50"));
  const std::string a = scratch_.Write("a.jsonl", Event("a", "2025-11-23T10:00:00Z", "2", "50"));
  Run({z, a});
  EXPECT_EQ(Cleansed().rows[0][2], "1");
  Run({a, z});
  EXPECT_EQ(Cleansed().rows[0][2], "2");
}

TEST_F(BatchJobTest, RejectsCarryLineOffsetReasonAndBytes) {
  const std::string path =
      scratch_.Write("in.jsonl", "\n" + Event("a", "2025-11-23T10:00:00Z", "1", "50") + "{\"x\r\n" +
                                     "\xff\n" + Event("a", "2025-02-30T10:00:00Z", "1", "50"));
  const BatchReport report = Run({path});
  EXPECT_EQ(report.rows_read, 4U);
  EXPECT_EQ(report.blank_lines, 1U);
  EXPECT_EQ(report.rejected[static_cast<std::size_t>(RejectReason::kInvalidJson)], 1U);
  EXPECT_EQ(report.rejected[static_cast<std::size_t>(RejectReason::kInvalidUtf8)], 1U);
  EXPECT_EQ(report.rejected[static_cast<std::size_t>(RejectReason::kBadTimestamp)], 1U);
  const std::vector<std::string> lines = Lines(Rejects());
  ASSERT_EQ(lines.size(), 3U);
  const std::string head = "{\"input\":\"" + path + "\",\"line\":";
  EXPECT_TRUE(lines[0].starts_with(head + R"(3,"offset":84,"reason":"invalid_json","message":")"))
      << lines[0];
  EXPECT_TRUE(lines[0].ends_with(R"(","value":"{\"x"})")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with(head + R"(4,"offset":89,"reason":"invalid_utf8","message":")"))
      << lines[1];
  EXPECT_TRUE(lines[1].ends_with(R"(","value_base64":"/w=="})")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with(head + R"(5,"offset":91,"reason":"bad_timestamp",)"))
      << lines[2];
}

TEST_F(BatchJobTest, ALineOfTenMegabytesIsTooLargeAndItsHeadIsKept) {
  const BatchReport report =
      RunText(std::string(10'000'000, 'x') + "\n" + Event("a", "2025-11-23T10:00:00Z", "1", "50"));
  EXPECT_EQ(report.rejected[static_cast<std::size_t>(RejectReason::kTooLarge)], 1U);
  EXPECT_EQ(report.cleansed, 1U);
  const std::string rejects = Rejects();
  EXPECT_NE(rejects.find("10000000 bytes"), std::string::npos);
  EXPECT_TRUE(rejects.ends_with(",\"value\":\"" + std::string(65536, 'x') + "\"}\n"));
}

TEST_F(BatchJobTest, OptionalMetricsAreNullWhereTheyAreAbsent) {
  settings_.metrics = {{"light", "lux", 0, 1000, false}, {"motion", "", 0, 1, false, true}};
  Run({scratch_.Write("in.jsonl",
                      R"({"device_id":"a","timestamp":"1970-01-01T00:00:00Z","light":5}
{"device_id":"a","timestamp":"1970-01-01T00:00:01Z","motion":true}
{"device_id":"a","timestamp":"1970-01-01T00:00:02Z","motion":false,"light":6}
{"device_id":"b","timestamp":"1970-01-01T00:00:00Z"}
)")});
  const ReadBackTable cleansed = Cleansed();
  EXPECT_EQ(cleansed.columns,
            (std::vector<std::string>{"device_id: string", "timestamp: timestamp[us, tz=UTC]",
                                      "light: double", "motion: double", "status: string",
                                      "is_alert: bool"}));
  const auto null = std::nullopt;
  EXPECT_EQ(cleansed.rows, (std::vector<Row>{{"a", "0", "5", null, null, "false"},
                                             {"a", "1000000", null, "1", null, "false"},
                                             {"a", "2000000", "6", "0", null, "false"},
                                             {"b", "0", null, null, null, "false"}}));
  EXPECT_EQ(Aggregates().rows,
            (std::vector<Row>{{"a", "0", "5.5", "6", "5", "0.5", "1", "0", "0", "3"},
                              {"b", "0", null, null, null, null, null, null, "0", "1"}}));
}

TEST_F(BatchJobTest, CsvHasTheSameRowsUnderTheExtensionCsv) {
  options_.csv = true;
  const BatchReport report = RunText(Event("a,1", "2025-11-23T10:15:30.5Z", "55", "20.25"));
  EXPECT_EQ(report.outputs[0], options_.output_dir + "/cleansed.csv");
  EXPECT_EQ(ReadWholeFile(options_.output_dir + "/cleansed.csv"),
            "device_id,timestamp,temperature,humidity,status,is_temp_alert,is_humidity_alert,"
            "is_alert\r\n\"a,1\",2025-11-23T10:15:30.500000Z,55,20.25,,true,true,true\r\n");
  EXPECT_EQ(ReadWholeFile(options_.output_dir + "/aggregates.csv"),
            "device_id,hour_bucket,temperature_avg,temperature_max,temperature_min,humidity_avg,"
            "humidity_max,humidity_min,alert_count,event_count\r\n"
            "\"a,1\",2025-11-23T10:00:00.000000Z,55,55,55,20.25,20.25,20.25,1,1\r\n");
}

TEST_F(BatchJobTest, SkipExportCountsAndWritesNothing) {
  options_.skip_export = true;
  options_.preview = true;
  std::string preview;
  options_.preview_out = [&](const std::string& text) { preview += text; };
  const BatchReport report = RunText(Event("a", "2025-11-23T10:00:00Z", "1", "50") + "{\n");
  EXPECT_EQ(report.cleansed, 1U);
  EXPECT_EQ(report.hours, 1U);
  EXPECT_TRUE(report.outputs.empty());
  EXPECT_FALSE(std::filesystem::exists(options_.output_dir));
  EXPECT_NE(preview.find("cleansed (1 rows)"), std::string::npos);
  EXPECT_NE(preview.find("2025-11-23T10:00:00.000000Z"), std::string::npos);
  EXPECT_NE(preview.find("event_count"), std::string::npos);
}

TEST_F(BatchJobTest, AFailureLeavesTheOldOutputsAndNoTemporaryFile) {
  RunText(Event("a", "2025-11-23T10:00:00Z", "1", "50"));
  const std::string old = ReadWholeFile(options_.output_dir + "/cleansed.parquet").value();
  const std::string good = scratch_.Write("b.jsonl", Event("b", "2025-11-23T10:00:00Z", "1", "5"));
  const std::string damaged = scratch_.Write("c.jsonl.gz", "no gzip");
  EXPECT_EQ(RunFails({good, damaged}).code(), Code::kInvalidArgument);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(RunFails({good}, stop.get_token()).code(), Code::kCancelled);
  EXPECT_EQ(ReadWholeFile(options_.output_dir + "/cleansed.parquet"), old);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(options_.output_dir)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names,
            (std::vector<std::string>{"aggregates.parquet", "cleansed.parquet", "rejects.jsonl"}));
}

TEST_F(BatchJobTest, AMissingInputIsNotFoundByName) {
  const Error error = RunFails({scratch_ / "none.jsonl"});
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_NE(error.message().find("none.jsonl"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(options_.output_dir));
}

TEST_F(BatchJobTest, AnOutputThatCannotBeWrittenIsADiskErrorAndTheOthersStand) {
  const std::string input =
      scratch_.Write("in.jsonl", Event("a", "2025-11-23T10:00:00Z", "1", "50"));
  scratch_.Write("file", "");
  options_.output_dir = scratch_ / "file/out";
  EXPECT_EQ(RunFails({input}).code(), Code::kDiskError);
  // One of the three cannot take its place: none does.
  options_.output_dir = scratch_ / "half";
  std::filesystem::create_directories(scratch_ / "half/aggregates.parquet");
  EXPECT_EQ(RunFails({input}).code(), Code::kDiskError);
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "half/cleansed.parquet"));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "half/rejects.jsonl"));
}

TEST_F(BatchJobTest, TwoOutputsWithOnePathAreRefused) {
  settings_.batch_agg_filename = "cleansed.parquet";
  EXPECT_EQ(RunFails({scratch_.Write("in.jsonl", "")}).code(), Code::kConfiguration);
}

TEST_F(BatchJobTest, ReadsATopicAsOfTheStart) {
  const ManualClock clock(1'763'892'930'000'000);
  const auto log = MemoryLog::Make(clock);
  ASSERT_TRUE(log->EnsureTopic("iot.raw", {.partitions = 3}).has_value());
  const auto append = [&](std::int32_t partition, const std::vector<std::string>& values) {
    auto transaction = log->Begin();
    ASSERT_TRUE(transaction.has_value());
    RecordBatchBuilder batch;
    for (const std::string& value : values) batch.Append("k", value);
    ASSERT_TRUE((*transaction)->Append({"iot.raw", partition}, batch).has_value());
    ASSERT_TRUE((*transaction)->Commit().has_value());
  };
  append(2, {Event("c", "2025-11-23T10:00:00Z", "1", "50"), "bad"});
  append(0, {Event("a", "2025-11-23T10:00:00Z", "1", "50")});
  append(2, {Event("c", "2025-11-23T10:00:00Z", "2", "50"), "worse"});
  const BatchReport report = Run({"topic:iot.raw"}, log.get());
  EXPECT_EQ(report.rows_read, 5U);
  EXPECT_EQ(report.cleansed, 2U);
  EXPECT_EQ(report.duplicates, 1U);
  EXPECT_EQ(Cleansed().rows[1][2], "1");
  const std::vector<std::string> rejects = Lines(Rejects());
  ASSERT_EQ(rejects.size(), 2U);
  EXPECT_TRUE(rejects[1].starts_with(R"({"input":"topic:iot.raw/2","line":4,"offset":3,)"))
      << rejects[1];
  options_.inputs = {"topic:none"};
  const auto unknown = RunBatch(settings_, options_, log.get(), {});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().code(), Code::kNotFound);
}

TEST_F(BatchJobTest, ReportsAsJsonWithEveryReason) {
  BatchReport report;
  report.rows_read = 3;
  report.cleansed = 1;
  report.duplicates = 1;
  report.rejected[static_cast<std::size_t>(RejectReason::kInvalidJson)] = 1;
  report.devices = 1;
  report.hours = 1;
  report.seconds = 0.25;
  report.outputs = {"out/a\"b"};
  EXPECT_EQ(report.ToJson(),
            R"({"rows_read":3,"blank_lines":0,"cleansed":1,"duplicates":1,"rejected":{)"
            R"("invalid_utf8":0,"invalid_json":1,"missing_field":0,"wrong_type":0,)"
            R"("bad_timestamp":0,"out_of_range":0,"future_timestamp":0,"late":0,)"
            R"("duplicate_key":0,"too_large":0,"processing_error":0},"devices":1,"hours":1,)"
            R"("seconds":0.250,"outputs":["out/a\"b"]})");
}

TEST_F(BatchJobTest, TellsItsProgressInStoredBytes) {
  std::uint64_t rows = 0;
  std::uint64_t done = 0;
  std::uint64_t all = 0;
  options_.progress = [&](std::uint64_t r, std::uint64_t d, std::uint64_t a) {
    rows = r;
    done = d;
    all = a;
  };
  const std::string text = Event("a", "2025-11-23T10:00:00Z", "1", "50");
  RunText(text);
  EXPECT_EQ(rows, 1U);
  EXPECT_EQ(done, text.size());
  EXPECT_EQ(all, text.size());
}

// A plain model of the job: ordered maps over already known events.
struct Reading {
  std::string device;
  std::int64_t time_us;
  int temperature;
  bool bad;
};

std::vector<Row> ExpectedCleansed(const std::vector<Reading>& readings) {
  std::map<std::pair<std::string, std::int64_t>, int> first;
  for (const Reading& reading : readings) {
    if (!reading.bad) first.try_emplace({reading.device, reading.time_us}, reading.temperature);
  }
  std::vector<Row> rows;
  for (const auto& [key, temperature] : first) {
    const char* const hot = temperature >= 50 ? "true" : "false";
    rows.push_back({key.first, std::to_string(key.second), std::to_string(temperature), "30",
                    "s" + std::to_string(temperature), hot, "false", hot});
  }
  return rows;
}

TEST_F(BatchJobTest, AgreesWithAPlainModelInMemorySpilledAndInParallel) {
  settings_.metrics[0].max = 100;
  EXPECT_TRUE(rc::check([this] {
    const auto readings = *rc::gen::container<std::vector<Reading>>(
        600, rc::gen::map(rc::gen::tuple(rc::gen::inRange(0, 5), rc::gen::inRange(-300, 300),
                                         rc::gen::inRange(0, 111)),
                          [](const std::tuple<int, int, int>& t) {
                            return Reading{"dev_" + std::to_string(std::get<0>(t) * 3),
                                           std::get<1>(t) * 61'000'000LL, std::get<2>(t),
                                           std::get<2>(t) > 100};
                          }));
    std::string text;
    for (const Reading& reading : readings) {
      text +=
          Event(reading.device, FormatTime(reading.time_us), std::to_string(reading.temperature),
                "30", ",\"status\":\"s" + std::to_string(reading.temperature) + "\"");
    }
    const std::vector<Row> expected = ExpectedCleansed(readings);
    std::vector<ReadBackTable> aggregates;
    for (const auto& [memory, threads] :
         std::vector<std::pair<std::int64_t, int>>{{512 << 20, 1}, {0, 1}, {0, 3}}) {
      options_.memory_limit_bytes = memory;
      options_.threads = threads;
      const BatchReport report = RunText(text);
      RC_ASSERT(report.rows_read == readings.size());
      RC_ASSERT(report.cleansed == expected.size());
      RC_ASSERT(Cleansed().rows == expected);
      aggregates.push_back(Aggregates());
    }
    RC_ASSERT(aggregates[0].rows == aggregates[1].rows);
    RC_ASSERT(aggregates[0].rows == aggregates[2].rows);
    std::int64_t events = 0;
    for (const Row& row : aggregates[0].rows) events += std::stoll(*row[9]);
    RC_ASSERT(static_cast<std::size_t>(events) == expected.size());
  }));
}

TEST_F(BatchJobTest, ManyChunksInParallelGiveTheSameTablesAndRejects) {
  std::string text;
  for (int i = 0; i < 12'000; ++i) {
    text += Event("dev_" + std::to_string(i % 17), FormatTime(i / 3 * 1'000'000LL),
                  std::to_string(i % 130), "30");
  }
  options_.output_dir = scratch_ / "one";
  const BatchReport one = RunText(text);
  EXPECT_GT(one.rejected[static_cast<std::size_t>(RejectReason::kOutOfRange)], 0U);
  options_.output_dir = scratch_ / "four";
  options_.threads = 4;
  RunText(text);
  for (const char* name : {"cleansed.parquet", "aggregates.parquet", "rejects.jsonl"}) {
    EXPECT_EQ(ReadWholeFile(scratch_ / "one/" + name).value(),
              ReadWholeFile(scratch_ / "four/" + name).value())
        << name;
  }
}

// Readings of few devices with late rows, repeats and texts, more of one hour than a small memory
// holds.
std::string FewDevices() {
  std::string text;
  for (int i = 0; i < 9'000; ++i) {
    const int at = i % 50 == 49 ? i - 40 : i;
    text +=
        Event("dev_" + std::to_string(at * 7 % 3), FormatTime(at / 2 * 2'000'000LL),
              std::to_string(at * 13 % 60) + "." + std::to_string(i % 10), std::to_string(at % 91),
              at % 3 == 0 ? "" : R"(,"status":"s)" + std::to_string(at % 5) + "\"");
  }
  return text;
}

TEST_F(BatchJobTest, TheRowsAreTheSameForAnyMemoryAndAnyNumberOfThreads) {
  const std::string rules = scratch_.Write("rules.yaml", R"(groups:
  - name: windows
    rules:
      - {alert: average, expr: "avg(temperature, 1m) > 28"}
      - {alert: jump, expr: "temperature - lag(temperature) > 10"}
      - {alert: named, expr: "humidity < 20 and status == 's1'"}
)");
  const std::string input = scratch_.Write("in.jsonl", FewDevices());
  for (const std::string& rules_file : {std::string(), rules}) {
    settings_.rules_file = rules_file;
    options_.threads = 1;
    options_.memory_limit_bytes = 512 << 20;
    const BatchReport one = Run({input});
    EXPECT_GT(one.duplicates, 50U);
    const std::vector<Row> cleansed = Cleansed().rows;
    const std::vector<Row> aggregates = Aggregates().rows;
    for (const std::int64_t memory : {0LL, 300'000LL, 2'000'000LL}) {
      for (const int threads : {1, 4}) {
        options_.memory_limit_bytes = memory;
        options_.threads = threads;
        EXPECT_EQ(Run({input}).hours, one.hours);
        EXPECT_TRUE(Cleansed().rows == cleansed) << memory << " " << threads;
        EXPECT_TRUE(Aggregates().rows == aggregates) << memory << " " << threads;
      }
    }
  }
}

TEST_F(BatchJobTest, MoreDevicesThanAThreadRemembersKeepTheirRows) {
  std::string text;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 140'000; ++i) {
      text += Event("d" + std::to_string(i),
                    round == 0 ? "1970-01-01T00:00:00Z" : "1970-01-01T01:00:00Z",
                    std::to_string(i % 50), "30");
    }
  }
  options_.csv = true;
  options_.threads = 2;
  const BatchReport report = RunText(text);
  EXPECT_EQ(report.devices, 140'000U);
  EXPECT_EQ(report.cleansed, 280'000U);
  EXPECT_EQ(report.hours, 280'000U);
  EXPECT_EQ(report.duplicates, 0U);
}

// Beyond a quarter of the limit, but at least a megabyte, the rows keep their texts.
TEST_F(BatchJobTest, MoreDevicesThanMemoryHasRoomForGiveTheSameTables) {
  SeededRandom random(77);
  std::string text;
  for (int i = 0; i < 90'000; ++i) {
    const std::string status =
        random.NextBelow(3) == 0
            ? ""
            : R"(,"status":"s)" + std::to_string(random.NextBelow(40'000)) + '"';
    // Few at first, then ever new ones, of which the ranges that were chosen know nothing.
    const std::uint64_t device = i < 20'000 ? random.NextBelow(1'000)
                                            : static_cast<std::uint64_t>(i) - random.NextBelow(500);
    text += Event("device_number_" + std::to_string(device),
                  FormatTime(static_cast<std::int64_t>(random.NextBelow(50)) * 600'000'000),
                  std::to_string(random.NextBelow(60)), "50", status);
  }
  options_.memory_limit_bytes = 512 << 20;
  const BatchReport expected = RunText(text);
  const ReadBackTable cleansed = Cleansed();
  const ReadBackTable aggregates = Aggregates();
  ASSERT_GT(expected.devices, 40'000U);
  for (const std::int64_t memory : {1LL << 20, 4LL << 20}) {
    for (const int threads : {1, 3}) {
      options_.memory_limit_bytes = memory;
      options_.threads = threads;
      const BatchReport report = RunText(text);
      EXPECT_EQ(report.devices, expected.devices);
      EXPECT_EQ(report.hours, expected.hours);
      EXPECT_EQ(report.duplicates, expected.duplicates);
      ASSERT_TRUE(Cleansed().rows == cleansed.rows);
      ASSERT_TRUE(Aggregates().rows == aggregates.rows);
    }
  }
}

TEST_F(BatchJobTest, TheQualityReportAddsUpForAnyMemory) {
  const std::string text = FewDevices() + Event("late", "1970-01-01T00:00:00Z", "60", "50") +
                           Event("late", "1970-01-01T00:00:30Z", "60", "50") +
                           Event("late", "1970-01-01T02:00:00Z", "1", "50") + "{\n";
  std::string first;
  for (const std::int64_t memory : {512LL << 20, 0LL}) {
    options_.memory_limit_bytes = memory;
    QualityReport quality(settings_.metrics);
    options_.quality = &quality;
    const BatchReport report = RunText(text);
    EXPECT_EQ(quality.distributions()[0].values, report.cleansed);
    std::uint64_t binned = 0;
    for (const std::uint64_t bin : quality.distributions()[0].bins) binned += bin;
    EXPECT_EQ(binned, report.cleansed);
    std::int64_t repeats = 0;
    for (const auto& device : quality.most_repeats()) repeats += device.amount;
    EXPECT_EQ(static_cast<std::uint64_t>(repeats), report.duplicates);
    EXPECT_EQ(quality.longest_gaps()[0].id, "late");
    EXPECT_EQ(quality.longest_gaps()[0].amount, 7'170'000'000);
    EXPECT_EQ(quality.longest_gaps()[0].at_us, 30'000'000);
    std::string json;
    quality.AppendJson(json);
    if (first.empty()) first = json;
    EXPECT_EQ(json, first);
    EXPECT_NE(json.find(R"({"device_id":"late","minutes":1})"), std::string::npos);
    EXPECT_TRUE(report.ToJson(&quality).ends_with(json + "}"));
    const std::string page = QualityPage(report, quality);
    EXPECT_NE(page.find("invalid_json"), std::string::npos);
    EXPECT_NE(page.find("temperature"), std::string::npos);
    EXPECT_EQ(page.find("<script"), std::string::npos);
    options_.quality = nullptr;
  }
}

}  // namespace
}  // namespace tocsin
