#include "model/alert_record.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace tocsin {
namespace {

constexpr std::int64_t kStart = 1'763'892'930'123'456;

AlertRecord Firing() {
  return {.rule = "temperature_high",
          .severity = "warning",
          .device_id = "dev_7",
          .time_us = kStart + 1,
          .active_at_us = kStart,
          .starts_at_us = kStart,
          .event_count = 3,
          .value = 51.5,
          .rule_version = "v1",
          .source_topic = "iot.raw",
          .source_partition = 2,
          .source_offset = 99};
}

std::string Json(const AlertRecord& record) {
  const std::vector<MetricSpec> metrics = {
      {.name = "temperature"}, {.name = "light"}, {.name = "open", .is_bool = true}};
  const double values[] = {51.5, std::numeric_limits<double>::quiet_NaN(), 1};
  std::string out = "before ";
  AppendAlertJson(out, record, metrics, values);
  return out;
}

TEST(AlertIdTest, IsTheVectorOfTheContract) {
  EXPECT_EQ(AlertId("temperature_high", "dev_7", kStart, 1), "277eeaef16fcb5c5");
  EXPECT_EQ(AlertFingerprint("temperature_high", "dev_7"), "5a54e6bb6d968a22");
}

TEST(AlertIdTest, DiffersByEveryPart) {
  const std::set<std::string> ids = {AlertId("r", "d", 1, 1), AlertId("r", "d", 1, 2),
                                     AlertId("r", "d", 1, 3), AlertId("r", "d", 2, 1),
                                     AlertId("r", "e", 1, 1), AlertId("s", "d", 1, 1),
                                     AlertId("rd", "", 1, 1)};
  EXPECT_EQ(ids.size(), 7U);
  EXPECT_EQ(AlertId("r", "d", 1, 0), AlertId("r", "d", 1, 1));
}

TEST(AlertJsonTest, WritesAFiringRecordInTheOrderOfTheContract) {
  EXPECT_EQ(Json(Firing()),
            R"(before {"id":"277eeaef16fcb5c5","fingerprint":"5a54e6bb6d968a22",)"
            R"("rule":"temperature_high","severity":"warning","state":"firing",)"
            R"("device_id":"dev_7","timestamp":"2025-11-23T10:15:30.123457Z",)"
            R"("temperature":51.5,"light":null,"open":true,"status":"ALERT",)"
            R"("reason":"temperature_high","starts_at":"2025-11-23T10:15:30.123456Z",)"
            R"("ends_at":null,"event_count":3,"labels":{},"annotations":{},)"
            R"("active_at":"2025-11-23T10:15:30.123456Z","value":51.5,"rule_version":"v1",)"
            R"("source":{"topic":"iot.raw","partition":2,"offset":99}})");
}

TEST(AlertJsonTest, WritesTheEndOfAResolvedRecord) {
  AlertRecord record = Firing();
  record.state = AlertState::kResolved;
  record.ends_at_us = kStart + 1'000'000;
  record.value = std::numeric_limits<double>::quiet_NaN();
  const std::string json = Json(record);
  EXPECT_NE(json.find(R"("id":"277eeaef16fcb5c5")"), std::string::npos) << "as when it fired";
  EXPECT_NE(json.find(R"("state":"resolved")"), std::string::npos);
  EXPECT_NE(json.find(R"("status":"OK")"), std::string::npos);
  EXPECT_NE(json.find(R"("ends_at":"2025-11-23T10:15:31.123456Z")"), std::string::npos);
  EXPECT_NE(json.find(R"("value":null)"), std::string::npos);
}

TEST(AlertJsonTest, WritesLatenciesOnlyWhenTheyArePresent) {
  AlertRecord record = Firing();
  record.ingest_latency_ms = 1.5;
  record.evaluation_latency_ms = 0;
  EXPECT_TRUE(Json(record).ends_with(R"(,"latency_ms":{"ingest":1.5,"evaluation":0}})"));
  record.ingest_latency_ms = -1;
  EXPECT_TRUE(Json(record).ends_with(R"(,"latency_ms":{"evaluation":0}})"));
}

TEST(AlertJsonTest, WritesLabelsAndAnnotationsAsTheyAreGiven) {
  AlertRecord record = Firing();
  record.labels_json = R"({"site":"a"})";
  record.annotations_json = R"({"summary":"too hot"})";
  EXPECT_NE(Json(record).find(
                R"("event_count":3,"labels":{"site":"a"},"annotations":{"summary":"too hot"},)"),
            std::string::npos);
}

TEST(AlertJsonTest, WritesWhereTheEpisodeBeganAndWhyOnlyWhenTheyArePresent) {
  AlertRecord record = Firing();
  record.active_offset = 97;
  record.evaluation_latency_ms = 2;
  record.flapping = true;
  record.cause = "no_data";
  record.explain_json = R"({"temperature":51.5})";
  EXPECT_TRUE(Json(record).ends_with(
      R"("source":{"topic":"iot.raw","partition":2,"offset":99},"latency_ms":{"evaluation":2},)"
      R"("active_offset":97,"flapping":true,"cause":"no_data",)"
      R"("explain":{"temperature":51.5}})"));
}

TEST(AlertJsonTest, ALevelChangeIsTheSameEpisodeWithAnotherSeverity) {
  AlertRecord record = Firing();
  const std::string before = Json(record);
  record.severity = "critical";
  record.time_us += 5;
  const std::string after = Json(record);
  EXPECT_NE(after.find(R"("id":"277eeaef16fcb5c5")"), std::string::npos);
  EXPECT_NE(after.find(R"("severity":"critical","state":"firing")"), std::string::npos);
  EXPECT_NE(before, after);
}

TEST(AlertJsonTest, EscapesTextAndTakesAnotherReason) {
  AlertRecord record = Firing();
  record.device_id = "a\"b";
  record.reason = "both";
  const std::string json = Json(record);
  EXPECT_NE(json.find(R"("device_id":"a\"b")"), std::string::npos);
  EXPECT_NE(json.find(R"("reason":"both")"), std::string::npos);
}

}  // namespace
}  // namespace tocsin
