// The event section of the contract, a test per sentence. Each record is read by both readers,
// which must agree.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/event_row.h"

namespace tocsin {
namespace {

constexpr std::string_view kTime = R"("2025-11-23T10:15:30.123456+00:00")";
constexpr std::int64_t kTimeUs = 1'763'892'930'123'456;

EventRow Read(std::string_view record, std::vector<MetricSpec> metrics = DefaultMetrics(),
              EventLimits limits = {}) {
  auto rows = BothReaders(std::move(metrics), limits).Read(record);
  EXPECT_EQ(rows.parsed, rows.strict) << record;
  return rows.parsed;
}

std::string_view Reason(std::string_view record) {
  return RejectReasonName(Read(record).reject);
}

struct Parts {
  std::string_view device_id = R"("dev_7")";
  std::string_view timestamp = kTime;
  std::string_view temperature = "31.42";
  std::string_view humidity = "55.20";
  std::string_view more = R"(,"status":"OK")";
};

std::string Event(const Parts& parts) {
  return R"({"device_id":)" + std::string(parts.device_id) + R"(,"timestamp":)" +
         std::string(parts.timestamp) + R"(,"temperature":)" + std::string(parts.temperature) +
         R"(,"humidity":)" + std::string(parts.humidity) + std::string(parts.more) + "}";
}

TEST(EventContractTest, ReadsTheReferenceEvent) {
  const std::string record = Event({});
  const EventRow row = Read(record);
  EXPECT_EQ(row.reject, RejectReason::kNone) << row.message;
  EXPECT_EQ(row.device_id, "dev_7");
  EXPECT_EQ(row.time_us, kTimeUs);
  EXPECT_EQ(row.metric(0), 31.42);
  EXPECT_EQ(row.metric(1), 55.20);
  EXPECT_EQ(row.status, "OK");
  EXPECT_EQ(row.object, record);
}

TEST(EventContractTest, TakesFieldsInAnyOrder) {
  const EventRow row = Read(R"({"humidity":1,"status":"x","timestamp":"2025-11-23T10:15:30Z",)"
                            R"("temperature":2,"device_id":"d"})");
  EXPECT_EQ(row.device_id, "d");
  EXPECT_EQ(row.metric(0), 2);
  EXPECT_EQ(row.metric(1), 1);
}

TEST(EventContractTest, DeviceIdHas1To256BytesOfText) {
  const auto reason = [](const std::string& id) { return Reason(Event({.device_id = id})); };
  EXPECT_EQ(reason("\"" + std::string(256, 'x') + "\""), "");
  EXPECT_EQ(reason("\"" + std::string(257, 'x') + "\""), "wrong_type");
  EXPECT_EQ(reason(R"("")"), "wrong_type");
  for (const char* value : {"7", "true", "[]", "{}", "1e400"})
    EXPECT_EQ(reason(value), "wrong_type");
  std::string escaped = "\"";
  for (int i = 0; i < 256; ++i) escaped += "\\u0041";
  EXPECT_EQ(reason(escaped + "\""), "") << "the bytes are counted after unescaping";
  EXPECT_EQ(reason(escaped + "A\""), "wrong_type");
  EXPECT_EQ(Read(Event({.device_id = "\"Ger\xC3\xA4t 7\""})).device_id, "Ger\xC3\xA4t 7");
}

TEST(EventContractTest, StringsAreUnescaped) {
  const EventRow row = Read(Event({.device_id = R"("a\"b\\c\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00")",
                                   .timestamp = R"("2025-11-23T10:15:30\u005A")",
                                   .more = R"(,"status":"\u0000")"}));
  EXPECT_EQ(row.device_id, "a\"b\\c/\b\f\n\r\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  EXPECT_EQ(row.time_us, 1'763'892'930'000'000);
  EXPECT_EQ(row.status, std::string(1, '\0'));
}

TEST(EventContractTest, KeysAreComparedAfterUnescaping) {
  const EventRow row = Read(R"({"device\u005fid":"d","\u0074imestamp":"2025-11-23T10:15:30Z",)"
                            R"("temperatur\u0065":2,"humidity":3})");
  EXPECT_EQ(row.reject, RejectReason::kNone) << row.message;
  EXPECT_EQ(row.device_id, "d");
  EXPECT_EQ(row.metric(0), 2);
  EXPECT_EQ(Reason(Event({.more = R"(,"x":1,"\u0078":2)"})), "duplicate_key");
  EXPECT_EQ(Reason(Event({.more = R"(,"\ud83d\ude00":1,")"
                                  "\xF0\x9F\x98\x80"
                                  R"(":2)"})),
            "duplicate_key");
}

TEST(EventContractTest, TimestampThatIsNoTimeIsABadTimestamp) {
  for (const char* text :
       {R"("2025-11-23")", R"("")", R"("2025-02-29T00:00:00Z")", R"("2025-11-23T10:15:60Z")",
        R"("2025-11-23T10:15:30+24:00")", R"("2025-11-23T10:15:30.1234567890Z")", R"("now")",
        R"("1763892930")", R"("2025-11-23T10:15:30Z ")"}) {
    EXPECT_EQ(Reason(Event({.timestamp = text})), "bad_timestamp") << text;
  }
  for (const char* value : {"1763892930", "true", "{}", "[\"2025-11-23T10:15:30Z\"]"}) {
    EXPECT_EQ(Reason(Event({.timestamp = value})), "wrong_type") << value;
  }
  EXPECT_EQ(Read(Event({.timestamp = R"("2025-11-23 12:15:30.123456789+02")"})).time_us, kTimeUs);
}

TEST(EventContractTest, MetricsAreJsonNumbers) {
  for (const char* value : {"\"31\"", "true", "false", "[]", "{\"value\":31}", "\"\""}) {
    EXPECT_EQ(Reason(Event({.temperature = value})), "wrong_type") << value;
  }
  EXPECT_EQ(Read(Event({.temperature = "3.142e1"})).metric(0), 31.42);
  EXPECT_EQ(Read(Event({.temperature = "-0.5E-1"})).metric(0), -0.05);
  EXPECT_EQ(Read(Event({.temperature = "1e-400"})).metric(0), 0);
}

TEST(EventContractTest, MetricThatIsNoJsonNumberIsInvalidJson) {
  for (const char* value : {"01", "-01", "00", "00.5", "+1", ".5", "-.5", "1.", "1.e1", "1e", "1e+",
                            "-", "NaN", "Infinity", "0x10", "1_000", "1 2", "1,5", "٣"}) {
    EXPECT_EQ(Reason(Event({.temperature = value})), "invalid_json") << value;
  }
}

TEST(EventContractTest, NumberThatIsNoFiniteDoubleIsOutOfRange) {
  const std::vector<MetricSpec> unbounded = {
      {.name = "x", .unit = "", .min = -HUGE_VAL, .max = HUGE_VAL}};
  for (const char* value : {"1e400", "-1e400", "1e309", "1.8e308", "123456789e99999999999999999"}) {
    EXPECT_EQ(Reason(Event({.temperature = value})), "out_of_range") << value;
    const std::string record =
        R"({"device_id":"d","timestamp":"2025-11-23T10:15:30Z","x":)" + std::string(value) + "}";
    EXPECT_EQ(Read(record, unbounded).reject, RejectReason::kOutOfRange) << value;
  }
  const std::string huge(400, '9');
  EXPECT_EQ(Reason(Event({.temperature = huge})), "out_of_range");
  EXPECT_EQ(Reason(Event({.more = ",\"x\":1e400,\"y\":" + huge})), "");
}

TEST(EventContractTest, RangesIncludeBothEnds) {
  for (const char* value : {"-50", "120", "-50.0", "1.2e2", "119.99999999999999"}) {
    EXPECT_EQ(Reason(Event({.temperature = value})), "") << value;
  }
  for (const char* value : {"-50.01", "120.01", "900", "120.00000000000002"}) {
    EXPECT_EQ(Reason(Event({.temperature = value})), "out_of_range") << value;
  }
}

TEST(EventContractTest, StatusIsAnOptionalString) {
  EXPECT_EQ(Read(Event({.more = ""})).status, std::nullopt);
  EXPECT_EQ(Read(Event({.more = R"(,"status":null)"})).status, std::nullopt);
  EXPECT_EQ(Read(Event({.more = R"(,"status":"")"})).status, "");
  EXPECT_EQ(Reason(Event({.more = R"(,"status":1)"})), "wrong_type");
}

TEST(EventContractTest, NullCountsAsAbsent) {
  EXPECT_EQ(Reason(Event({.device_id = "null"})), "missing_field");
  EXPECT_EQ(Reason(Event({.timestamp = "null"})), "missing_field");
  EXPECT_EQ(Reason(Event({.temperature = "null"})), "missing_field");
  EXPECT_EQ(Reason("{}"), "missing_field");
  EXPECT_EQ(Reason(R"({"device_id":"d","timestamp":"2025-11-23T10:15:30Z","temperature":1})"),
            "missing_field");
}

TEST(EventContractTest, OptionalMetricsMayBeAbsent) {
  const std::vector<MetricSpec> metrics = {
      {.name = "light", .unit = "lux", .min = 0, .max = 1e5, .required = false},
      {.name = "open", .min = 0, .max = 1, .required = false, .is_bool = true}};
  const std::string start = R"({"device_id":"d","timestamp":"2025-11-23T10:15:30Z")";
  EXPECT_TRUE(EventBatch::IsNull(Read(start + "}", metrics).metric(0)));
  const EventRow nulls = Read(start + R"(,"light":null,"open":null})", metrics);
  EXPECT_EQ(nulls.reject, RejectReason::kNone);
  EXPECT_TRUE(EventBatch::IsNull(nulls.metric(1)));
  const EventRow row = Read(start + R"(,"open":true,"light":5})", metrics);
  EXPECT_EQ(row.metric(0), 5);
  EXPECT_EQ(row.metric(1), 1);
  EXPECT_EQ(Read(start + R"(,"open":false})", metrics).metric(1), 0);
}

TEST(EventContractTest, BoolMetricsTakeOnlyTrueAndFalse) {
  const std::vector<MetricSpec> metrics = {{.name = "open", .min = 0, .max = 1, .is_bool = true}};
  for (const char* value : {"1", "0", "\"true\"", "1e400", "[]"}) {
    const std::string record =
        R"({"device_id":"d","timestamp":"2025-11-23T10:15:30Z","open":)" + std::string(value) + "}";
    EXPECT_EQ(Read(record, metrics).reject, RejectReason::kWrongType) << value;
  }
}

TEST(EventContractTest, UndeclaredFieldsOfAnyTypePass) {
  const std::string more =
      R"(,"a":{"b":[1,{"c":null}]},"d":"x","e":true,"f":1e999,"g":null,"":[],"ü":-0.0)";
  const std::string record = Event({.more = more});
  const EventRow row = Read(record);
  EXPECT_EQ(row.reject, RejectReason::kNone) << row.message;
  EXPECT_EQ(row.object, record);
}

TEST(EventContractTest, RepeatedKeysAtAnyDepthAreRefused) {
  for (const char* more :
       {R"(,"x":1,"x":1)", R"(,"device_id":"dev_7")", R"(,"x":{"a":1,"a":2})",
        R"(,"x":[[{"a":{"b":1,"c":2,"b":3}}]])", R"(,"x":null,"x":null)", R"(,"":1,"":2)"}) {
    EXPECT_EQ(Reason(Event({.more = more})), "duplicate_key") << more;
  }
  EXPECT_EQ(Reason(R"([{"a":1,"a":2}])"), "duplicate_key") << "before: not an object";
}

TEST(EventContractTest, RepeatedKeyAmongManyIsRefused) {
  std::string inner;
  for (int i = 0; i < 3'000; ++i) inner += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(Reason(Event({.more = ",\"x\":{" + inner + "\"last\":0}"})), "");
  EXPECT_EQ(Reason(Event({.more = ",\"x\":{" + inner + "\"k1234\":0}"})), "duplicate_key");
  EXPECT_EQ(Reason(Event({.more = ",\"x\":{" + inner + "\"k2999\":0}"})), "duplicate_key");
}

TEST(EventContractTest, OurOwnKeysAtTheTopAreRefusedAsDuplicates) {
  for (const char* more : {R"(,"is_alert":false)", R"(,"reason":null)", R"(,"re\u0061son":1)"}) {
    EXPECT_EQ(Reason(Event({.more = more})), "duplicate_key") << more;
  }
  EXPECT_EQ(Reason(Event({.more = R"(,"x":{"is_alert":1,"reason":2})"})), "");
}

TEST(EventContractTest, SyntaxAndDuplicateKeysAreJudgedInTheOrderOfTheBytes) {
  EXPECT_EQ(Reason(R"({"a":1,"a":2,})"), "duplicate_key");
  EXPECT_EQ(Reason(R"({"a":1,"a" 2})"), "duplicate_key");
  EXPECT_EQ(Reason(R"({"a":1,"a)"), "invalid_json");
  EXPECT_EQ(Reason(R"({"a":01,"a":2})"), "invalid_json");
  EXPECT_EQ(Reason(R"({"reason":1,})"), "duplicate_key");
  EXPECT_EQ(Reason(R"({"b":tru,"reason":1})"), "invalid_json");
}

TEST(EventContractTest, RecordThatIsNoObjectIsAWrongType) {
  for (const char* record : {"[]", "1", "\"x\"", "null", "true", " [1] ", "1e400"}) {
    EXPECT_EQ(Reason(record), "wrong_type") << record;
  }
}

TEST(EventContractTest, OneReasonInTheOrderOfTheContract) {
  const std::string bad_time = R"("x")";
  EXPECT_EQ(Reason(R"({"device_id":1,"timestamp":"x","temperature":900})"), "missing_field");
  EXPECT_EQ(Reason(Event({.timestamp = bad_time, .temperature = "900", .humidity = "\"\""})),
            "wrong_type");
  EXPECT_EQ(Reason(Event({.timestamp = bad_time, .more = R"(,"status":1)"})), "wrong_type");
  EXPECT_EQ(Reason(Event({.timestamp = bad_time, .temperature = "900"})), "bad_timestamp");
  EXPECT_EQ(Reason(Event({.temperature = "900", .humidity = "900"})), "out_of_range");
  EXPECT_EQ(Reason(Event({.temperature = "900", .more = R"(,"x":1,"x":2)"})), "duplicate_key");
  EXPECT_EQ(Reason(Event({.temperature = "900", .more = ",\"x\":\"\xFF\",\"x\":2"})),
            "invalid_utf8");
}

TEST(EventContractTest, LimitsComeFirstAndIncludeTheirValue) {
  const std::string bad_utf8 = "\xFF";
  const auto sized = [](std::size_t size) {
    const std::string empty = Event({.more = R"(,"x":"")"});
    return Event({.more = R"(,"x":")" + std::string(size - empty.size(), 'x') + "\""});
  };
  EXPECT_EQ(Reason(sized(64 * 1024)), "");
  EXPECT_EQ(Reason(sized(64 * 1024 + 1)), "too_large");
  EXPECT_EQ(Reason(sized(64 * 1024) + bad_utf8), "too_large");
  const auto nested = [](std::size_t depth) {
    return ",\"x\":" + std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Reason(Event({.more = nested(15)})), "");
  EXPECT_EQ(Reason(Event({.more = nested(16)})), "too_large");
  EXPECT_EQ(Reason(Event({.more = R"(,"x":"[[[[[[[[[[[[[[[[[[[[[\"[[[")"})), "");
}

TEST(EventContractTest, MembersOfTheEventAreLimited) {
  const auto with = [](std::size_t more, std::string_view value) {
    std::string text;
    for (std::size_t i = 0; i < more; ++i)
      text += ",\"k" + std::to_string(i) + "\":" + std::string(value);
    return Event({.more = text});
  };
  EXPECT_EQ(Reason(with(60, "1")), "");
  EXPECT_EQ(Reason(with(61, "1")), "too_large");
  EXPECT_EQ(Reason(with(60, R"({"a":1,"b":2})")), "") << "only members of the event count";
  EXPECT_EQ(Reason(with(60, R"(":::")")), "");
  EXPECT_EQ(Reason(with(61, R"("x","k0":01)")), "too_large") << "before syntax";
  EXPECT_EQ(Read(Event({}), DefaultMetrics(), {.max_fields = 4}).reject, RejectReason::kTooLarge);
  EXPECT_EQ(Read(Event({}), DefaultMetrics(), {.max_depth = 0}).reject, RejectReason::kTooLarge);
  EXPECT_EQ(Read(Event({}), DefaultMetrics(), {.max_bytes = 10}).reject, RejectReason::kTooLarge);
}

TEST(EventContractTest, WhiteSpaceAroundTheObjectIsNotPartOfIt) {
  const std::string event = Event({});
  EXPECT_EQ(Read(" \t\r\n" + event + " \r\n\t").object, event);
  EXPECT_EQ(Read("\xC2\xA0" + event).reject, RejectReason::kInvalidJson);
  EXPECT_EQ(Read(event + '\0').reject, RejectReason::kInvalidJson);
}

TEST(EventContractTest, WhiteSpaceBetweenTokensIsAllowed) {
  const EventRow row = Read(
      "{ \"device_id\"\t:\r\n\"d\" , \"timestamp\" : \"2025-11-23T10:15:30Z\" ,"
      "\"temperature\" : 1 ,\n\"humidity\":2\t}");
  EXPECT_EQ(row.reject, RejectReason::kNone) << row.message;
  EXPECT_EQ(row.device_id, "d");
}

TEST(EventMessageTest, NamesFieldValueAndWhatIsAllowed) {
  EXPECT_EQ(Read(Event({.temperature = "900"})).message,
            "temperature is 900, allowed are -50 to 120 °C");
  EXPECT_EQ(Read(Event({.temperature = "\"hot\""})).message,
            "temperature is \"hot\", a number is expected");
  EXPECT_EQ(Read(Event({.humidity = "null"})).message,
            "humidity is absent or null, the event needs it");
  EXPECT_EQ(Read("[1]").message, "the record is [1], an object is expected");
  EXPECT_EQ(Read(Event({.more = ",\"a\":1,\"a\":2"})).message,
            "the key \"a\" is there more than once");
  EXPECT_EQ(Read(R"({"a":1 "b":2})").message,
            R"(not JSON at byte 7: ',' or '}' is expected before: "b":2})");
  EXPECT_EQ(Read("{\"a\":\"\xC3\xA4\xFF\"}").message,
            "not UTF-8 at byte 8: 0xff begins no valid character");
}

TEST(EventMessageTest, ShortensLongValuesBetweenCharacters) {
  std::string value;
  for (int i = 0; i < 100; ++i) value += "\xC3\xA4";
  const EventRow row = Read(Event({.temperature = "\"" + value + "\""}));
  EXPECT_EQ(row.message, "temperature is \"" + value.substr(0, 78) + "…, a number is expected");
}

}  // namespace
}  // namespace tocsin
