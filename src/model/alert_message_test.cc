#include "model/alert_message.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/alert_record.h"

namespace tocsin {
namespace {

std::string Written(AlertState state) {
  AlertRecord record;
  record.rule = "too \"hot\"";
  record.severity = "critical";
  record.state = state;
  record.device_id = "pump-1";
  record.time_us = 1'767'225'600'123'456;
  record.starts_at_us = 1'767'225'600'000'000;
  record.ends_at_us = state == AlertState::kResolved ? record.time_us : 0;
  record.event_count = 7;
  record.value = 51.5;
  record.rule_version = "v";
  record.source_topic = "iot.raw";
  std::string json;
  AppendAlertJson(json, record, {}, nullptr);
  return json;
}

TEST(AlertMessageTest, ReadsWhatTheRecordsWriterWrites) {
  const std::string json = Written(AlertState::kResolved);
  const Result<AlertMessage> alert = ParseAlertMessage(json);
  ASSERT_TRUE(alert) << alert.error().message();
  EXPECT_EQ(alert->rule, "too \"hot\"");
  EXPECT_EQ(alert->fingerprint, AlertFingerprint("too \"hot\"", "pump-1"));
  EXPECT_EQ(alert->id, AlertId("too \"hot\"", "pump-1", alert->starts_at_us, 1));
  EXPECT_EQ(alert->device_id, "pump-1");
  EXPECT_FALSE(alert->firing);
  EXPECT_EQ(alert->time_us, 1'767'225'600'123'456);
  EXPECT_EQ(alert->ends_at_us, alert->time_us);
  EXPECT_EQ(alert->event_count, 7u);
  EXPECT_EQ(alert->value, 51.5);
  EXPECT_EQ(alert->json, json);
  EXPECT_EQ(ParseAlertMessage(Written(AlertState::kFiring))->ends_at_us, 0);
}

TEST(AlertMessageTest, RouteLabelsAreTheRecordsLabelsAndThreeOfOurs) {
  std::string json = Written(AlertState::kFiring);
  json.replace(json.find(R"("labels":{})"), 11, R"("labels":{"site":"a","severity":"x","n":3})");
  const Result<AlertMessage> alert = ParseAlertMessage(json);
  ASSERT_TRUE(alert) << alert.error().message();
  const std::map<std::string, std::string> wanted = {{"site", "a"},
                                                     {"n", "3"},
                                                     {"severity", "critical"},
                                                     {"alertname", "too \"hot\""},
                                                     {"device_id", "pump-1"}};
  EXPECT_EQ(alert->RouteLabels(), wanted);
}

TEST(AlertMessageTest, FieldsOfLaterVersionsPassAndMissingOptionalOnesHaveDefaults) {
  const Result<AlertMessage> alert = ParseAlertMessage(
      R"({"id":"1","fingerprint":"2","rule":"r","severity":"info","device_id":"d","state":"firing",)"
      R"("timestamp":"2026-01-01T00:00:00Z","starts_at":"2026-01-01T00:00:00Z","flapping":true,)"
      R"("cause":"no_data","value":null,"something_new":[1,{"a":2}]})");
  ASSERT_TRUE(alert) << alert.error().message();
  EXPECT_TRUE(alert->flapping);
  EXPECT_EQ(alert->cause, "no_data");
  EXPECT_TRUE(std::isnan(alert->value));
  EXPECT_TRUE(alert->labels.empty());
}

TEST(AlertMessageTest, ARecordThatIsNoneOfOursIsRefusedNamingTheField) {
  for (const char* text : {"", "[]", "7", "{", "\"x\"", "{\"id\":\xff}"}) {
    EXPECT_EQ(ParseAlertMessage(text).error().code(), Code::kInvalidArgument) << text;
  }
  const std::string whole = Written(AlertState::kResolved);
  for (const std::string field : {"id", "fingerprint", "rule", "severity", "device_id", "state",
                                  "timestamp", "starts_at", "ends_at", "labels"}) {
    std::string broken = whole;
    const std::string name = "\"" + field + "\":";
    broken.replace(broken.find(name), name.size(), name + "[],\"was\":");
    const Result<AlertMessage> alert = ParseAlertMessage(broken);
    ASSERT_FALSE(alert) << field;
    EXPECT_NE(alert.error().message().find("'" + field + "'"), std::string::npos)
        << alert.error().message();
  }
}

}  // namespace
}  // namespace tocsin
