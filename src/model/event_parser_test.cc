#include "model/event_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "model/event_row.h"
#include "model/json_number.h"

namespace tocsin {
namespace {

constexpr std::string_view kGood =
    R"({"device_id":"dev_7","timestamp":"2025-11-23T10:15:30.123456+00:00","temperature":31.42,"humidity":55.20,"status":"OK"})";

std::string WithTemperature(std::string_view number) {
  std::string record(kGood);
  return record.replace(record.find("31.42"), 5, number);
}

std::vector<MetricSpec> UnboundedTemperature() {
  return {{.name = "temperature", .min = -1.7976931348623157e308, .max = 1.7976931348623157e308}};
}

TEST(EventParserTest, BadRowsDoNotDisturbTheirNeighbours) {
  const std::string_view bad[] = {"",
                                  "{",
                                  "\xFF",
                                  R"({"device_id":"x)",
                                  "[[[[[[",
                                  "}}}}",
                                  "\"\\",
                                  "{}",
                                  R"({"a":1,"a":2})",
                                  "\0\0\0",
                                  "null",
                                  "\xEF\xBB\xBF{}"};
  std::vector<PaddedRecord> records;
  for (const std::string_view record : bad) {
    records.emplace_back(kGood);
    records.emplace_back(record);
  }
  records.emplace_back(kGood);
  EventParser parser(DefaultMetrics(), {});
  EventBatch batch(2);
  for (const PaddedRecord& record : records) parser.Parse(record.view(), batch);
  ASSERT_EQ(batch.size(), records.size());
  EXPECT_EQ(batch.messages.size(), std::size(bad));
  const EventRow expected = RowOf(batch, 0);
  EXPECT_EQ(expected.reject, RejectReason::kNone);
  for (std::size_t row = 0; row < batch.size(); ++row) {
    EXPECT_EQ(batch.bytes[row].data(), records[row].view().data());
    if (row % 2 == 0) {
      EXPECT_EQ(RowOf(batch, row), expected) << row;
    } else {
      EXPECT_NE(batch.reject[row], RejectReason::kNone) << row;
      EXPECT_EQ(batch.messages[row / 2].row, row);
      EXPECT_FALSE(batch.messages[row / 2].text.empty());
    }
  }
}

TEST(EventParserTest, EveryColumnHasARowForEveryRecord) {
  EventParser parser(DefaultMetrics(), {});
  EventBatch batch(2);
  const PaddedRecord good(kGood);
  const PaddedRecord bad("{");
  for (int round = 0; round < 2; ++round) {
    batch.Clear();
    for (const PaddedRecord* record : {&good, &bad, &good}) parser.Parse(record->view(), batch);
    for (const std::size_t size :
         {batch.device_id.size(), batch.time_us.size(), batch.metrics[0].size(),
          batch.metrics[1].size(), batch.status.size(), batch.reject.size(), batch.bytes.size(),
          batch.object_begin.size(), batch.object_end.size()}) {
      EXPECT_EQ(size, 3U);
    }
    EXPECT_EQ(batch.messages.size(), 1U);
  }
}

TEST(EventParserTest, SpansPointIntoTheRecord) {
  EventParser parser(DefaultMetrics(), {});
  EventBatch batch(2);
  const PaddedRecord record("  " + std::string(kGood) + " ");
  parser.Parse(record.view(), batch);
  EXPECT_EQ(batch.device_id[0].data(), record.view().data() + 2 + kGood.find("dev_7"));
  EXPECT_EQ(batch.object_begin[0], 2U);
  EXPECT_EQ(batch.object_end[0], 2 + kGood.size());
  EXPECT_TRUE(batch.arena.empty());
}

TEST(EventParserTest, PlainEventsNeedNoStrictReader) {
  EventParser parser(DefaultMetrics(), {});
  EventBatch batch(2);
  const auto strict_reads = [&](std::string_view record) {
    const PaddedRecord padded(record);
    const std::uint64_t before = parser.strict_reads();
    parser.Parse(padded.view(), batch);
    return parser.strict_reads() - before;
  };
  const std::string open(kGood.substr(0, kGood.size() - 1));
  for (const std::string& record :
       {std::string(kGood), " " + std::string(kGood) + "\r", WithTemperature("18.899999618530273"),
        WithTemperature("-0.5e1"), WithTemperature(" 7 "), open + R"(,"x":1e400,"y":null})",
        open + R"(,"x":"{[:,]}","y":true,"z":-12345678901234567890})",
        open + ",\"\xC3\xA4\":\"\xC3\xA4\"}"}) {
    EXPECT_EQ(strict_reads(record), 0U) << record;
  }
  EXPECT_EQ(batch.messages.size(), 0U);
  for (const std::string& record :
       {open + R"(,"x":"\n"})", open + R"(,"x":{}})", WithTemperature("900"), std::string("{}")}) {
    EXPECT_EQ(strict_reads(record), 1U) << record;
  }
}

TEST(EventParserTest, LearnsEveryShapeOfAMixedStream) {
  const std::string_view shapes[] = {
      kGood,
      R"({"humidity":1,"temperature":2,"timestamp":"2025-11-23T10:15:30Z","device_id":"b"})",
      R"({"a_rather_long_undeclared_key_of_the_event":1,"device_id":"c","timestamp":"2025-11-23T10:15:30Z","temperature":1,"humidity":2})",
      R"({"a_rather_long_undeclared_key_of_another_event":1,"device_id":"d","timestamp":"2025-11-23T10:15:30Z","temperature":1,"humidity":2})",
      R"({"a_rather_long_un":1,"a_rather_long_u":2,"device_id":"e","timestamp":"2025-11-23T10:15:30Z","temperature":1,"humidity":2})",
      R"({"device_id":"f","device_id":"f","timestamp":"2025-11-23T10:15:30Z","temperature":1,"humidity":2})",
  };
  BothReaders readers;
  SeededRandom random(1);
  for (int i = 0; i < 1'000; ++i) {
    const std::string_view record = shapes[random.NextBelow(std::size(shapes))];
    const auto rows = readers.Read(record);
    ASSERT_EQ(rows.parsed, rows.strict) << record;
    ASSERT_EQ(rows.strict.reject == RejectReason::kDuplicateKey, record == shapes[5]);
  }
}

TEST(EventParserTest, ForgetsKeysOfAnEndlessStreamOfThem) {
  BothReaders readers;
  for (int i = 0; i < 3'000; ++i) {
    std::string record(kGood);
    record.insert(1, "\"key_" + std::to_string(i) + "\":1,");
    const auto rows = readers.Read(record);
    ASSERT_EQ(rows.parsed, rows.strict) << record;
    ASSERT_EQ(rows.parsed.reject, RejectReason::kNone);
  }
}

TEST(EventParserTest, NumbersAreTheDoublesOfStrtod) {
  BothReaders readers(UnboundedTemperature());
  for (const char* number : {"0",
                             "-0",
                             "-0.0",
                             "0.1",
                             "0.3",
                             "31.42",
                             "55.20",
                             "1e22",
                             "1e23",
                             "8.5e-5",
                             "1E+2",
                             "9007199254740993",
                             "9007199254740992",
                             "999999999999999",
                             "9999999999999999",
                             "0.000000000000001",
                             "123456789012.345",
                             "1234567890123.45",
                             "0.1234567890123456",
                             "31.420000000000002",
                             "2.2250738585072014e-308",
                             "4.9e-324",
                             "2e-324",
                             "1e-400",
                             "1.7976931348623157e308",
                             "100000000000000000000000",
                             "0.000001e3",
                             "-99.99"}) {
    const auto rows = readers.Read(WithTemperature(number));
    ASSERT_EQ(rows.parsed, rows.strict) << number;
    ASSERT_EQ(rows.parsed.reject, RejectReason::kNone) << rows.parsed.message;
    EXPECT_EQ(rows.parsed.metric_bits[0],
              std::bit_cast<std::uint64_t>(std::strtod(number, nullptr)))
        << number;
  }
}

TEST(EventParserTest, RandomNumbersAreTheDoublesOfStrtod) {
  BothReaders readers(UnboundedTemperature());
  SeededRandom random(7);
  for (int i = 0; i < 20'000; ++i) {
    std::string number;
    if (i % 2 == 0) {
      const double value = (random.NextDouble() - 0.5) * std::pow(10, random.NextBelow(20));
      char buffer[64];
      const int decimals = static_cast<int>(random.NextBelow(18));
      const auto end =
          std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed, decimals);
      number.assign(buffer, end.ptr);
    } else {
      const double value = std::bit_cast<double>(random.Next());
      if (!std::isfinite(value)) continue;
      char buffer[64];
      number.assign(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
    }
    const auto rows = readers.Read(WithTemperature(number));
    ASSERT_EQ(rows.parsed, rows.strict) << number;
    ASSERT_EQ(rows.parsed.metric_bits[0],
              std::bit_cast<std::uint64_t>(std::strtod(number.c_str(), nullptr)))
        << number;
  }
}

TEST(JsonNumberTest, ScansTheLongestNumber) {
  const auto scanned = [](std::string_view text) {
    const char* const end = ScanJsonNumber(text.data(), text.data() + text.size());
    return end == nullptr ? std::string("none") : std::string(text.data(), end);
  };
  EXPECT_EQ(scanned("012"), "0");
  EXPECT_EQ(scanned("-1.50e-07,"), "-1.50e-07");
  EXPECT_EQ(scanned("12x"), "12");
  for (const char* text : {"", "-", "+1", ".5", "1.", "1e", "1e+", "-.1", "x"}) {
    EXPECT_EQ(scanned(text), "none") << text;
  }
}

// Pieces that bring a mutated event to the edges of the grammar.
constexpr std::string_view kPieces[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        ",",
                                        ":",
                                        "\"",
                                        "\\",
                                        " ",
                                        "\t",
                                        "\n",
                                        "\x0C",
                                        "null",
                                        "true",
                                        "false",
                                        "nul",
                                        "0",
                                        "01",
                                        "-",
                                        "1e400",
                                        "1.5",
                                        "1.",
                                        "-0.0",
                                        "NaN",
                                        "\"x\"",
                                        "\"a\":1,",
                                        "\"device_id\":",
                                        "\"is_alert\":1,",
                                        "\"temperature\":1,",
                                        "\\u0041",
                                        "\\ud800",
                                        "\xFF",
                                        "\xC3\xA4",
                                        "\xC3",
                                        "{\"a\":1}",
                                        "[1,2]",
                                        "12345678901234567890",
                                        "\"2025-11-23T10:15:30Z\"",
                                        "900",
                                        "\"status\":null,",
                                        "\x00\x01"};

std::string Mutated(std::string record) {
  const auto edits = *rc::gen::inRange<int>(0, 4);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, record.size() + 1);
    const auto size = *rc::gen::element<std::size_t>(0, 0, 1, 1, 5, 20);
    const auto piece = *rc::gen::inRange<std::size_t>(0, std::size(kPieces) + 1);
    record.replace(at, size, piece == 0 ? std::string_view() : kPieces[piece - 1]);
  }
  return record;
}

TEST(EventParserProperty, BothReadersAgreeOnMutatedEvents) {
  BothReaders readers;
  int good = 0;
  int bad = 0;
  const bool held = rc::check("both readers give the same row", [&] {
    for (int i = 0; i < 50; ++i) {
      const std::string record = Mutated(std::string(kGood));
      const auto rows = readers.Read(record);
      RC_ASSERT(rows.parsed == rows.strict);
      ++(rows.parsed.reject == RejectReason::kNone ? good : bad);
    }
  });
  EXPECT_TRUE(held);
  EXPECT_GT(good, 100);
  EXPECT_GT(bad, 100);
}

TEST(EventParserProperty, KeyOfAGoodRecordIsItsDeviceId) {
  BothReaders readers;
  KeyExtractor extractor;
  EXPECT_TRUE(rc::check("the extractor gives the parser's id", [&] {
    for (int i = 0; i < 50; ++i) {
      const std::string record = Mutated(std::string(kGood));
      const EventRow row = readers.Read(record).parsed;
      if (row.reject != RejectReason::kNone) continue;
      const PaddedRecord padded(record);
      RC_ASSERT(std::string(extractor.DeviceId(padded.view())) == row.device_id);
    }
  }));
}

}  // namespace
}  // namespace tocsin
