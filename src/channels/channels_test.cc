#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "channels/channel.h"
#include "channels/json_writer.h"
#include "channels/test_notification.h"

namespace tocsin {
namespace {

using nlohmann::json;

const std::map<std::string, std::map<std::string, std::string>> kLeast = {
    {"webhook", {{"url", "https://e.com/x"}}},
    {"slack", {{"api_url", "https://e.com/x"}}},
    {"email", {{"to", "o@e.com"}, {"from", "t@e.com"}, {"smarthost", "m.e.com:587"}}},
    {"pagerduty", {{"routing_key", "CANARY"}}},
    {"opsgenie", {{"api_key", "CANARY"}}},
    {"twilio", {{"account_sid", "AC1"}, {"auth_token", "CANARY"}, {"to", "+1"}, {"from", "+2"}}},
    {"msteams", {{"webhook_url", "https://e.com/x"}}},
    {"telegram", {{"bot_token", "CANARY"}, {"chat_id", "-5"}}},
    {"ntfy", {{"topic", "alerts"}, {"token", "CANARY"}}},
    {"alertmanager", {{"url", "https://e.com"}}},
    {"kafka", {{"topic", "out"}}},
    {"log", {}},
};

std::unique_ptr<Channel> Make(const std::string& kind,
                              const std::map<std::string, std::string>& more = {}) {
  ChannelConfig config;
  config.kind = kind;
  config.name = "ops/" + kind + "[0]";
  config.options = kLeast.at(kind);
  for (const auto& [key, value] : more) config.options[key] = value;
  ChannelEnvironment environment;
  environment.external_url = "https://t.example.com";
  environment.append = [](const std::string&, std::string_view, std::string_view) {
    return Status();
  };
  auto channel = MakeChannel(config, environment);
  EXPECT_TRUE(channel) << channel.error().message();
  return std::move(*channel);
}

json Rendered(const std::string& kind, const Notification& notification,
              const std::map<std::string, std::string>& more = {}) {
  return json::parse(Make(kind, more)->Render(notification)->body);
}

const std::string kHostile = "\"<script>&'\r\nX: y{{Status}}}} 😀\\ *_`";

TEST(EveryChannelTest, RendersTheSameBytesAgainWithoutSecretsWhateverTheDeviceIsCalled) {
  for (const auto& [kind, options] : kLeast) {
    const auto channel = Make(kind);
    EXPECT_EQ(channel->deduplicates(), FindChannelKind(kind)->deduplicates) << kind;
    for (const bool firing : {true, false}) {
      const Notification notification = TestNotification(kHostile, firing);
      const auto message = channel->Render(notification);
      ASSERT_TRUE(message) << kind;
      EXPECT_EQ(channel->Render(notification)->body, message->body) << kind;
      EXPECT_EQ(message->body.find("CANARY"), std::string::npos) << kind;
      EXPECT_TRUE(IsUtf8(message->body)) << kind;
      EXPECT_EQ(message->body.find("\nX: y"), std::string::npos) << kind;
      if (message->content_type == "application/json") {
        EXPECT_TRUE(json::accept(message->body)) << kind << message->body;
      }
    }
  }
}

TEST(EveryChannelTest, AStormFitsIntoItsLimit) {
  Notification storm = TestNotification();
  storm.alerts.assign(Notification::kMaxAlerts, TestAlert(std::string(200, '<')));
  storm.firing_count = 100'000;
  storm.digest = true;
  for (int i = 0; i < 10; ++i) storm.top_devices.emplace_back("dev", 1);
  for (const auto& [kind, options] : kLeast) {
    EXPECT_LE(Make(kind)->Render(storm)->body.size(), 512'000u) << kind;
  }
  const std::string text = Rendered("telegram", storm)["text"];
  EXPECT_LE(text.size(), 4096u + 8);
  const std::size_t entity = text.rfind('&');
  EXPECT_NE(text.find(';', entity), std::string::npos);
  EXPECT_LE(Rendered("ntfy", storm)["message"].get<std::string>().size(), 4096u);
  EXPECT_LE(Rendered("opsgenie", storm)["message"].get<std::string>().size(), 132u);
}

TEST(SlackTest, EscapesTextAndColoursBySeverity) {
  const json message = Rendered("slack", TestNotification("<!channel> & co"), {{"channel", "#a"}});
  EXPECT_EQ(message["channel"], "#a");
  const json& attachment = message["attachments"][0];
  EXPECT_EQ(attachment["color"], "danger");
  EXPECT_EQ(attachment["title"],
            "[FIRING:1] temperature_high on &lt;!channel&gt; &amp; co (critical)");
  EXPECT_EQ(attachment["title_link"], "https://t.example.com");
  EXPECT_EQ(Rendered("slack", TestNotification("d", false))["attachments"][0]["color"], "good");
}

TEST(PagerDutyTest, TriggersAndResolvesOneIncidentAGroup) {
  const json trigger = Rendered("pagerduty", TestNotification());
  const json resolve = Rendered("pagerduty", TestNotification("dev_1", false));
  EXPECT_EQ(trigger["event_action"], "trigger");
  EXPECT_EQ(resolve["event_action"], "resolve");
  EXPECT_EQ(trigger["dedup_key"], resolve["dedup_key"]);
  EXPECT_EQ(trigger["dedup_key"].get<std::string>().size(), 64u);
  EXPECT_EQ(trigger["payload"]["severity"], "critical");
  EXPECT_EQ(trigger["payload"]["source"], "dev_1");
  EXPECT_EQ(trigger["payload"]["custom_details"]["num_firing"], "1");
}

TEST(PagerDutyTest, LeavesDetailsOutThatWouldPassTheLimit) {
  std::map<std::string, std::string> many;
  for (int i = 0; i < 6; ++i) {
    many["details.d" + std::to_string(i)] = std::string(60'000, 'x') + std::string(5, '\1');
  }
  many["details.e0"] = many["details.e1"] = many["details.e2"] = std::string(64'000, 'y');
  const json event = Rendered("pagerduty", TestNotification(), many);
  EXPECT_FALSE(event["payload"].contains("custom_details"));
  EXPECT_TRUE(event["payload"].contains("summary"));
}

TEST(PagerDutyTest, SpeaksTheFirstVersionToItsKeys) {
  const json event =
      Rendered("pagerduty", TestNotification(), {{"routing_key", ""}, {"service_key", "CANARY"}});
  EXPECT_EQ(event["event_type"], "trigger");
  EXPECT_TRUE(event.contains("incident_key"));
}

TEST(OpsgenieTest, ClosesTheAliasWhenResolved) {
  const auto channel = Make("opsgenie", {{"tags", "a,b"}});
  const auto firing = channel->Render(TestNotification());
  const auto resolved = channel->Render(TestNotification("dev_1", false));
  const std::string alias = json::parse(firing->body)["alias"];
  EXPECT_EQ(firing->headers[0].second, "/v2/alerts");
  EXPECT_EQ(resolved->headers[0].second, "/v2/alerts/" + alias + "/close?identifierType=alias");
  EXPECT_EQ(json::parse(firing->body)["priority"], "P1");
  EXPECT_EQ(json::parse(firing->body)["tags"], json({"a", "b"}));
}

TEST(TelegramTest, EscapesValuesAndClosesTagsThatACutLeftOpen) {
  const json message = Rendered("telegram", TestNotification("<b>"));
  EXPECT_EQ(message["parse_mode"], "HTML");
  EXPECT_TRUE(message["text"].get<std::string>().starts_with(
      "<b>[FIRING:1] temperature_high on &lt;b&gt; (critical)</b>\n"));
  const json cut = Rendered("telegram", TestNotification(),
                            {{"message", "<i><b>" + std::string(5000, 'x') + "</b></i>"}});
  EXPECT_TRUE(cut["text"].get<std::string>().ends_with("x…</b></i>"));
}

TEST(TwilioTest, PostsAFormWithTheTextLast) {
  const auto message = Make("twilio", {{"text", "a b&c é"}})->Render(TestNotification());
  EXPECT_EQ(message->body, "To=%2B1&From=%2B2&Body=a%20b%26c%20%C3%A9");
}

TEST(TeamsTest, SendsACardOrForConnectorsAMessageCard) {
  const json card = Rendered("msteams", TestNotification());
  EXPECT_EQ(card["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
  EXPECT_EQ(card["attachments"][0]["content"]["body"][0]["color"], "Attention");
  EXPECT_EQ(Rendered("msteams", TestNotification(), {{"format", "connector"}})["@type"],
            "MessageCard");
}

TEST(NtfyTest, HasThePriorityOfTheSeverity) {
  EXPECT_EQ(Rendered("ntfy", TestNotification())["priority"], 5);
  EXPECT_EQ(Rendered("ntfy", TestNotification("d", false))["priority"], 2);
  EXPECT_EQ(Rendered("ntfy", TestNotification(), {{"priority", "1"}})["priority"], 1);
}

TEST(KafkaChannelTest, AppendsWithTheDeliveryAsKeyAndRetriesWhatMaySucceedLater) {
  ChannelConfig config;
  config.kind = "kafka";
  config.name = "ops/kafka[0]";
  config.options = {{"topic", "out"}};
  Status answer;
  std::string seen;
  ChannelEnvironment environment;
  environment.append = [&](const std::string& topic, std::string_view key, std::string_view value) {
    seen = topic + " " + std::string(key) + " " + std::string(value.substr(0, 22));
    return answer;
  };
  auto channel = MakeChannel(config, environment);
  ASSERT_TRUE(channel);
  HttpClient client({});
  const auto message = (*channel)->Render(TestNotification());
  SendContext context;
  context.delivery_id = "d-1";
  EXPECT_EQ((*channel)->Send(*message, context, client).outcome, SendResult::Outcome::kDelivered);
  EXPECT_EQ(seen, "out d-1 {\"type\":\"alert.firing\"");
  answer = Fail(Code::kUnavailable, "down");
  EXPECT_EQ((*channel)->Send(*message, context, client).outcome, SendResult::Outcome::kRetry);
  answer = Fail(Code::kInvalidArgument, "bad topic");
  EXPECT_EQ((*channel)->Send(*message, context, client).outcome, SendResult::Outcome::kDead);
}

TEST(JsonWriterTest, WithNoteAddsToATextAndLeavesOthersAlone) {
  EXPECT_EQ(WithNote(R"({"a":["x"]})", "/a/0", "!"), R"({"a":["x!"]})");
  EXPECT_EQ(WithNote(R"({"a":1})", "/a", "!"), R"({"a":1})");
  EXPECT_EQ(WithNote("nonsense", "/a", "!"), "nonsense");
  EXPECT_EQ(MemberOf(R"({"p":{"n":7}})", "/p/n"), "7");
  EXPECT_EQ(MemberOf("[[[", "/p/n"), "");
}

}  // namespace
}  // namespace tocsin
