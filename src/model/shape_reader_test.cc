#include "model/shape_reader.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "model/event_row.h"

namespace tocsin {
namespace {

constexpr std::string_view kGood =
    R"({"device_id":"dev_7","timestamp":"2025-11-23T10:15:30.123456+00:00","temperature":31.42,"humidity":55.20,"status":"OK"})";

std::string With(std::string_view from, std::string_view to) {
  std::string record(kGood);
  return record.replace(record.find(from), from.size(), to);
}

// A shape reader that has learned from `learned`.
class Taught {
 public:
  explicit Taught(std::string_view learned, std::vector<MetricSpec> metrics = DefaultMetrics(),
                  EventLimits limits = {})
      : metrics_(std::move(metrics)),
        fields_(metrics_),
        reader_(metrics_, fields_, limits),
        batch_(metrics_.size()) {
    reader_.Learn(learned);
  }
  ShapeReader::Answer Read(std::string_view record) {
    const PaddedRecord padded(record);
    batch_.Clear();
    return reader_.Read(padded.view(), batch_);
  }
  bool Reads(std::string_view record) { return Read(record) == ShapeReader::Answer::kGood; }
  ShapeReader& reader() { return reader_; }

 private:
  std::vector<MetricSpec> metrics_;
  FieldTable fields_;
  ShapeReader reader_;
  EventBatch batch_;
};

TEST(ShapeReaderTest, ReadsRecordsThatDifferInTheirValuesOnly) {
  Taught taught(kGood);
  for (const std::string& record :
       {std::string(kGood), With("dev_7", "d"), With("dev_7", std::string(256, 'x')),
        With("123456+00:00", "5Z"), With("T10:15:30.123456+00:00", " 10:15:30"),
        With("31.42", "-0.0"), With("31.42", "7"), With("31.42", "1e1"), With("31.42", "22.5E+0"),
        With("31.42", "18.899999618530273"), With("31.42", "1.234567"), With("31.42", "12.345678"),
        With("31.42", "-12.34567"), With("\"OK\"", "\"\""), With("\"OK\"", "\"a,b:{}[] 123\"")}) {
    EXPECT_TRUE(taught.Reads(record)) << record;
  }
}

TEST(ShapeReaderTest, LeavesEverythingElseToTheOthers) {
  for (const std::string& record : {std::string(),
                                    std::string("{"),
                                    std::string("}"),
                                    " " + std::string(kGood),
                                    std::string(kGood) + " ",
                                    std::string(kGood) + "}",
                                    std::string(kGood.substr(1)),
                                    std::string(kGood.substr(0, kGood.size() - 1)),
                                    With("dev_7", ""),
                                    With("dev_7", std::string(257, 'x')),
                                    With("dev_7", "a\\nb"),
                                    With("dev_7", "a\tb"),
                                    With("dev_7", "\xC3\xA4"),
                                    With("dev_7", "\xFF"),
                                    With("\"OK\"", "null"),
                                    With("31.42", "031.42"),
                                    With("31.42", "00"),
                                    With("31.42", "-"),
                                    With("31.42", "31."),
                                    With("31.42", ".5"),
                                    With("31.42", "31.4.2"),
                                    With("31.42", "0x1F"),
                                    With("31.42", "+3"),
                                    With("31.42", "1e"),
                                    With("31.42", "NaN"),
                                    With("31.42", "null"),
                                    With("31.42", "true"),
                                    With("31.42", "\"31.42\""),
                                    With("31.42", "31.42 "),
                                    With("31.42", ""),
                                    With("2025-11-23", "2025-02-30"),
                                    With("+00:00", "+24:00"),
                                    With(":30.", ":60."),
                                    With("temperature", "temperaturE"),
                                    With("\"humidity\":55.20", "\"humidity\" :55.20"),
                                    With("humidity", "temperature"),
                                    With(",\"status\"", ",\"x\":1,\"status\"")}) {
    EXPECT_EQ(Taught(kGood).Read(record), ShapeReader::Answer::kNotRead) << record;
  }
  for (const char* temperature : {"-51", "121", "120.01", "1e400", "123456789012345678901234"}) {
    EXPECT_EQ(Taught(kGood).Read(With("31.42", temperature)), ShapeReader::Answer::kOutsideRange);
  }
}

TEST(ShapeReaderTest, ReadsBooleansUndeclaredFieldsAndWhiteSpace) {
  Taught taught(
      "{ \"x\" : -1.5e3 , \"open\":true,\t\"y\": \"text\",\"device_id\":\"a\",\"z\":null,"
      "\"timestamp\":\"2025-11-23T10:15:30Z\" }",
      {{.name = "open", .min = 0, .max = 1, .required = false, .is_bool = true}});
  const auto record = [](std::string_view x, std::string_view open, std::string_view y,
                         std::string_view z) {
    return "{ \"x\" : " + std::string(x) + " , \"open\":" + std::string(open) +
           ",\t\"y\": " + std::string(y) + ",\"device_id\":\"a\",\"z\":" + std::string(z) +
           ",\"timestamp\":\"2025-11-23T10:15:30Z\" }";
  };
  EXPECT_TRUE(taught.Reads(record("1e400", "false", "\"\"", "true")));
  EXPECT_TRUE(taught.Reads(record("12345678901234567890", "true", "\"b\"", "false")));
  EXPECT_FALSE(taught.Reads(record("01", "true", "\"b\"", "null")));
  EXPECT_FALSE(taught.Reads(record("1", "null", "\"b\"", "null")));
  EXPECT_FALSE(taught.Reads(record("1", "1", "\"b\"", "null")));
  EXPECT_FALSE(taught.Reads(record("1", "true", "1", "null")));
  EXPECT_FALSE(taught.Reads(record("1", "true", "\"b\"", "nul")));
}

TEST(ShapeReaderTest, ANullOfADeclaredFieldIsPartOfItsShape) {
  const std::vector<MetricSpec> metrics = {{.name = "a", .max = 9, .required = false},
                                           {.name = "b", .max = 9, .required = false}};
  const auto record = [](std::string_view a, std::string_view b) {
    return R"({"device_id":"d","timestamp":"2025-11-23T10:15:30Z","a":)" + std::string(a) +
           ",\"b\":" + std::string(b) + "}";
  };
  BothReaders readers(metrics);
  SeededRandom random(3);
  for (int i = 0; i < 200; ++i) {
    const auto value = [&] {
      const std::uint64_t digit = random.NextBelow(4);
      return digit == 0 ? std::string("null") : std::to_string(digit);
    };
    const std::string a = value();
    const std::string b = value();
    const auto rows = readers.Read(record(a, b));
    ASSERT_EQ(rows.parsed, rows.strict);
    ASSERT_EQ(std::isnan(rows.parsed.metric(0)), a == "null");
    ASSERT_EQ(std::isnan(rows.parsed.metric(1)), b == "null");
  }
}

TEST(ShapeReaderTest, ARecordOverTheSizeLimitIsNotTried) {
  Taught taught(kGood, DefaultMetrics(), {.max_bytes = kGood.size()});
  EXPECT_TRUE(taught.Reads(kGood));
  EXPECT_EQ(taught.Read(With("\"OK\"", "\"OK!\"")), ShapeReader::Answer::kNotTried);
}

TEST(ShapeReaderTest, StopsTryingWhileNothingMatchesAndComesBack) {
  Taught taught(kGood);
  const std::string other = With("humidity", "humiditx");
  int tried = 0;
  for (int i = 0; i < 100'000; ++i) {
    tried += taught.Read(other) == ShapeReader::Answer::kNotRead ? 1 : 0;
  }
  EXPECT_LT(tried, 300);
  int missed = 0;
  while (!taught.Reads(kGood)) ++missed;
  EXPECT_LE(missed, 8192);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(taught.Reads(kGood));
}

TEST(ShapeReaderTest, TheOldestShapeGoesWhenThereAreTooMany) {
  Taught taught(kGood);
  for (std::size_t i = 0; i < ShapeReader::kMaxShapes; ++i) {
    const std::string record = With("\"status\"", "\"k" + std::to_string(i) + "\":1,\"status\"");
    taught.reader().Learn(record);
    EXPECT_TRUE(taught.Reads(record));
  }
  EXPECT_FALSE(taught.Reads(kGood));
}

// Streams of random events over random declarations, in which every record is of an earlier one's
// shape but for some damage: the parser's rows are the strict reader's.
struct RandomStream {
  std::vector<MetricSpec> metrics;
  std::vector<std::string> keys;  // in the order of the shape

  static RandomStream Make(SeededRandom& random) {
    RandomStream stream;
    const std::uint64_t count = random.NextBelow(9);
    for (std::uint64_t m = 0; m < count; ++m) {
      const bool is_bool = random.NextBelow(4) == 0;
      stream.metrics.push_back({.name = std::string(1 + random.NextBelow(20), 'a') +
                                        static_cast<char>('b' + static_cast<char>(m)),
                                .min = is_bool ? 0.0 : -1000.0,
                                .max = is_bool ? 1.0 : 1000.0,
                                .required = random.NextBelow(2) == 0,
                                .is_bool = is_bool});
      stream.keys.push_back(stream.metrics.back().name);
    }
    for (const char* key : {"device_id", "timestamp", "status", "undeclared", "u2"}) {
      stream.keys.insert(stream.keys.begin() +
                             static_cast<std::ptrdiff_t>(random.NextBelow(stream.keys.size() + 1)),
                         key);
    }
    return stream;
  }

  std::string Value(const std::string& key, SeededRandom& random) const {
    if (key == "device_id") return "\"dev_" + std::to_string(random.NextBelow(1000)) + "\"";
    if (key == "timestamp") {
      const char* const tails[] = {"Z", "", ".5Z", ".123456+00:00", "+0230", ".123456789-11"};
      return "\"2025-11-23T10:1" + std::to_string(random.NextBelow(10)) + ":3" +
             std::to_string(random.NextBelow(10)) + tails[random.NextBelow(6)] + "\"";
    }
    if (key == "status") return random.NextBelow(2) == 0 ? "\"OK\"" : "\"FAIL: x\"";
    for (const MetricSpec& metric : metrics) {
      if (metric.name == key && metric.is_bool) return random.NextBelow(2) == 0 ? "true" : "false";
    }
    const char* const forms[] = {"%.0f", "%.1f", "%.2f", "%.3f", "%.6f", "%.17g", "%.3e", "-%.2f"};
    char text[64];
    std::snprintf(text, sizeof text, forms[random.NextBelow(8)],
                  random.NextDouble() * (random.NextBelow(20) == 0 ? 1e6 : 500));
    return text;
  }

  std::string Record(SeededRandom& random) const {
    std::string record = "{";
    for (const std::string& key : keys) {
      if (record.size() > 1) record += ',';
      record += '"' + key + "\":" + Value(key, random);
    }
    return record + "}";
  }
};

TEST(ShapeReaderProperty, RowsOfRandomStreamsAreThoseOfTheStrictReader) {
  SeededRandom random(11);
  int good = 0;
  int bad = 0;
  for (int s = 0; s < 150; ++s) {
    const RandomStream stream = RandomStream::Make(random);
    BothReaders readers(stream.metrics);
    for (int i = 0; i < 100; ++i) {
      std::string record = stream.Record(random);
      if (random.NextBelow(4) == 0) {
        const std::size_t at = random.NextBelow(record.size());
        const std::string_view bytes = "\"\\{}[],:0159.-+eEtfn \t\x01\xFF";
        record.replace(at, random.NextBelow(3), 1, bytes[random.NextBelow(bytes.size())]);
      }
      const auto rows = readers.Read(record);
      ASSERT_EQ(rows.parsed, rows.strict) << record;
      ++(rows.parsed.reject == RejectReason::kNone ? good : bad);
    }
  }
  EXPECT_GT(good, 5'000);
  EXPECT_GT(bad, 1'000);
}

// The same of many records at once, in batches of every size.
TEST(ShapeReaderProperty, RunsOfRecordsAreThoseOfTheStrictReader) {
  SeededRandom random(12);
  int bad = 0;
  for (int s = 0; s < 100; ++s) {
    const RandomStream streams[] = {RandomStream::Make(random), RandomStream::Make(random)};
    BothReaders readers(streams[0].metrics);
    for (int batch = 0; batch < 4; ++batch) {
      std::vector<std::string> records(random.NextBelow(200));
      for (std::string& record : records) {
        // Now and then one of another shape, one that is damaged, or one that ends too early.
        record = streams[random.NextBelow(10) == 0 ? 1 : 0].Record(random);
        if (random.NextBelow(10) == 0) {
          const std::string_view bytes = "\"\\{}[],:0159.-+eEtfn \t\x01\xFF";
          record[random.NextBelow(record.size())] = bytes[random.NextBelow(bytes.size())];
        }
        if (random.NextBelow(20) == 0) record.resize(random.NextBelow(record.size()));
      }
      const std::vector<std::string_view> views(records.begin(), records.end());
      const auto rows = readers.ReadAll(views);
      ASSERT_EQ(rows.size(), records.size());
      for (std::size_t i = 0; i < rows.size(); ++i) {
        ASSERT_EQ(rows[i].parsed, rows[i].strict) << records[i];
        bad += rows[i].parsed.reject == RejectReason::kNone ? 0 : 1;
      }
    }
  }
  EXPECT_GT(bad, 1'000);
}

// Every single byte of a record replaced by every byte that JSON knows, and every byte taken out.
TEST(ShapeReaderProperty, NearMissesOfAShapeAreJudgedAsByTheStrictReader) {
  BothReaders readers;
  ASSERT_EQ(readers.Read(kGood).parsed.reject, RejectReason::kNone);
  for (std::size_t at = 0; at < kGood.size(); ++at) {
    for (const char byte : std::string_view("\"\\{}[],:0159.-+eEtfnu \t\n\x01\x7F\x80\xC3\xFF")) {
      std::string record(kGood);
      record[at] = byte;
      const auto rows = readers.Read(record);
      ASSERT_EQ(rows.parsed, rows.strict) << record;
      // Keeps the shape in use, whatever the damage did.
      ASSERT_EQ(readers.Read(kGood).parsed.reject, RejectReason::kNone);
    }
    std::string record(kGood);
    const auto rows = readers.Read(record.erase(at, 1));
    ASSERT_EQ(rows.parsed, rows.strict) << record;
    const auto cut = readers.Read(kGood.substr(0, at));
    ASSERT_EQ(cut.parsed, cut.strict) << at;
  }
}

}  // namespace
}  // namespace tocsin
