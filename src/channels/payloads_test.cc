#include "channels/payloads.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "channels/signature.h"
#include "channels/test_notification.h"

namespace tocsin {
namespace {

using nlohmann::json;

TEST(TocsinPayloadTest, CarriesTheAlertRecordsAsTheyAre) {
  const Notification notification = TestNotification();
  const NotificationView view(notification, "https://t.example.com");
  EXPECT_EQ(TocsinPayload(view, 0),
            R"({"type":"alert.firing","timestamp":"2023-11-14T22:13:21.000000Z","data":{)"
            R"("receiver":"ops","status":"firing","group_key":"0:{site=\"north\"}",)"
            R"("group_labels":{"site":"north"},"common_labels":{"alertname":"temperature_high",)"
            R"("device_id":"dev_1","severity":"critical","site":"north"},"firing_count":1,)"
            R"("resolved_count":0,"truncated":0,"digest":false,"backlog":false,"top_devices":[],)"
            R"("external_url":"https://t.example.com","alerts":[{"device_id":"dev_1"}]}})");
}

TEST(AlertmanagerPayloadTest, IsVersionFour) {
  const Notification notification = TestNotification("dev_1", false);
  const NotificationView view(notification, "https://t.example.com");
  EXPECT_EQ(AlertmanagerPayload(view, 0),
            R"({"receiver":"ops","status":"resolved","alerts":[{"status":"resolved","labels":{)"
            R"("alertname":"temperature_high","device_id":"dev_1","severity":"critical",)"
            R"("site":"north"},"annotations":{"summary":"too hot"},)"
            R"("startsAt":"2023-11-14T22:13:20Z","endsAt":"2023-11-14T22:14:20Z",)"
            R"("generatorURL":"https://t.example.com","fingerprint":"a1b2"}],)"
            R"("groupLabels":{"site":"north"},"commonLabels":{"alertname":"temperature_high",)"
            R"("device_id":"dev_1","severity":"critical","site":"north"},)"
            R"("commonAnnotations":{"summary":"too hot"},"externalURL":"https://t.example.com",)"
            R"("version":"4","groupKey":"0:{site=\"north\"}","truncatedAlerts":0})");
}

TEST(PayloadTest, AlertsThatDoNotFitAreCutOffAndCounted) {
  Notification notification = TestNotification();
  notification.alerts.assign(100, TestAlert(std::string(5000, '"')));
  notification.firing_count = 100'000;
  const NotificationView view(notification, "");
  const std::string tocsin = TocsinPayload(view, 0);
  EXPECT_LE(tocsin.size(), kMaxPayloadBytes);
  EXPECT_GT(tocsin.size(), kMaxPayloadBytes - 15'000);
  const json ours = json::parse(tocsin);
  EXPECT_EQ(ours["data"]["alerts"].size() + ours["data"]["truncated"].get<std::size_t>(), 100'000u);
  const json theirs = json::parse(AlertmanagerPayload(view, 3));
  EXPECT_EQ(theirs["alerts"].size(), 3u);
  EXPECT_EQ(theirs["truncatedAlerts"], 99'997);
}

TEST(WebhookSecretTest, TakesOneOrTwoSecretsOf24To64Bytes) {
  EXPECT_TRUE(ParseWebhookSecrets("")->empty());
  EXPECT_EQ(ParseWebhookSecrets("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")->at(0),
            "012345678901234567890123");
  EXPECT_EQ(ParseWebhookSecrets("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz  "
                                "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
                ->size(),
            2u);
  for (const char* text : {"whsec_", "whsec_c2hvcnQ=", "whsec_!!!!", "CANARY"}) {
    const auto keys = ParseWebhookSecrets(text);
    ASSERT_FALSE(keys) << text;
    EXPECT_EQ(keys.error().message().find("CANARY"), std::string::npos);
  }
}

TEST(WebhookSignatureTest, IsTheHmacOfIdTimeAndBody) {
  // printf 'msg_1.1700000000.{}' | openssl dgst -sha256 -hmac 012345678901234567890123 -binary |
  // base64
  EXPECT_EQ(SignWebhook({"012345678901234567890123"}, "msg_1", 1'700'000'000, "{}"),
            "v1,hmXGLnNyF9xj0t3bu2NbHtTjiBY8aTGhgmj3SmIHdd8=");
}

}  // namespace
}  // namespace tocsin
