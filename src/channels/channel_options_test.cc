#include "channels/channel_options.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tocsin {
namespace {

ChannelEnvironment Environment() {
  ChannelEnvironment environment;
  environment.append = [](const std::string&, std::string_view, std::string_view) {
    return Status();
  };
  return environment;
}

std::string ErrorOf(std::string kind, std::map<std::string, std::string> options) {
  ChannelConfig config;
  config.kind = std::move(kind);
  config.name = "ops/x[0]";
  config.options = std::move(options);
  const auto channel = MakeChannel(config, Environment());
  if (channel) return {};
  EXPECT_EQ(channel.error().code(), Code::kConfiguration);
  EXPECT_TRUE(channel.error().message().starts_with("channel ops/x[0]: "));
  return channel.error().message();
}

TEST(MakeChannelTest, SuggestsTheNearestKindAndOption) {
  EXPECT_NE(ErrorOf("slak", {}).find("did you mean slack?"), std::string::npos);
  EXPECT_NE(
      ErrorOf("slack", {{"api_ulr", "x"}}).find("unknown option api_ulr, did you mean api_url?"),
      std::string::npos);
  EXPECT_NE(ErrorOf("log", {{"http_config.bearer_token", "x"}}).find("unknown option"),
            std::string::npos);
}

TEST(MakeChannelTest, TellsAllMistakesAndNeverASecret) {
  const std::string error = ErrorOf("email", {{"to", "nobody"},
                                              {"smarthost", "CANARY@mail:25"},
                                              {"auth_password", "CANARY"},
                                              {"require_tls", "perhaps"},
                                              {"headers.Bcc", "x"},
                                              {"text", "{{Statsu}}"}});
  for (const char* part : {"option from: is missing", "'nobody' is no mail address",
                           "option smarthost: ", "option require_tls: must be true or false",
                           "option headers.Bcc: ", "did you mean Status?"}) {
    EXPECT_NE(error.find(part), std::string::npos) << part << " in " << error;
  }
  EXPECT_EQ(error.find("CANARY"), std::string::npos);
  EXPECT_EQ(ErrorOf("webhook", {{"url", "http://example.com/CANARY"}}).find("CANARY"),
            std::string::npos);
  EXPECT_NE(ErrorOf("webhook", {{"url", "https://e.com"}, {"secret", "CANARY"}}), "");
}

TEST(MakeChannelTest, EveryMistakeIsALineWithItsPlace) {
  ChannelConfig config;
  config.kind = "email";
  config.name = "ops/email[0]";
  config.file = "routes.yaml";
  config.place = {4, 7};
  config.options = {{"tto", "x"}, {"require_tls", "perhaps"}, {"to", "ops@example.org"}};
  config.places = {{"tto", {5, 12}}, {"require_tls", {6, 20}}, {"to", {7, 11}}};
  config.global_keys = {{"smarthost", "smtp_smarthost"}, {"from", "smtp_from"}};
  const auto channel = MakeChannel(config, Environment());
  ASSERT_FALSE(channel);
  const std::string error = channel.error().message() + "\n";
  for (const char* line :
       {"routes.yaml:5:12: channel ops/email[0]: unknown option tto, did you mean to?\n",
        "routes.yaml:6:20: channel ops/email[0]: option require_tls: must be true or false\n",
        "routes.yaml:4:7: channel ops/email[0]: option smarthost: is missing; set it here or as "
        "smtp_smarthost under global\n",
        "routes.yaml:4:7: channel ops/email[0]: option from: is missing; set it here or as "
        "smtp_from under global\n"}) {
    EXPECT_NE(error.find(line), std::string::npos) << line << "in\n" << error;
  }
}

TEST(MakeChannelTest, ReadsSecretsFromFilesWithoutTheWhiteSpaceAround) {
  const auto path = std::filesystem::temp_directory_path() / "tocsin_channel_secret";
  std::ofstream(path) << " \nhttps://hooks.example.com/x\n\n";
  EXPECT_EQ(ErrorOf("slack", {{"api_url_file", path}}), "");
  std::ofstream(path) << std::string(70'000, 'x');
  EXPECT_NE(ErrorOf("slack", {{"api_url_file", path}}).find("above 64 KiB"), std::string::npos);
  std::ofstream(path) << " \n";
  EXPECT_NE(ErrorOf("slack", {{"api_url_file", path}}).find("is empty"), std::string::npos);
  std::filesystem::remove(path);
  EXPECT_NE(ErrorOf("slack", {{"api_url_file", path}}).find("api_url_file"), std::string::npos);
}

TEST(MakeChannelTest, TakesWhatAlertmanagerFilesContain) {
  EXPECT_EQ(ErrorOf("webhook", {{"url", "https://e.com"},
                                {"http_config.follow_redirects", "true"},
                                {"max_alerts", "5"},
                                {"timeout", "5s"}}),
            "");
  EXPECT_EQ(ErrorOf("slack", {{"api_url", "https://e.com"},
                              {"channel", "#ops"},
                              {"fields.0.title", "a"},
                              {"fields.0.value", "b"},
                              {"actions.0.type", "button"},
                              {"mrkdwn_in.0", "text"},
                              {"title", "{{ template \"slack.default.title\" . }}"}}),
            "");
  EXPECT_EQ(ErrorOf("opsgenie", {{"api_key", "k"}, {"responders.0.name", "x"}}), "");
  EXPECT_EQ(ErrorOf("pagerduty",
                    {{"routing_key", "k"}, {"details.x", "{{Status}}"}, {"images.0.src", "x"}}),
            "");
  EXPECT_EQ(ErrorOf("telegram", {{"bot_token", "1:a"}, {"chat_id", "-5"}}), "");
  EXPECT_EQ(ErrorOf("kafka", {{"topic", "alerts.out"}}), "");
}

TEST(MakeChannelTest, TextsUseTheTemplatesOfTheFiles) {
  ChannelConfig config;
  config.kind = "log";
  config.name = "ops/log[0]";
  config.options = {{"text", "{{ template \"mine\" . }}"}};
  const auto text = [&config] {
    const auto channel = MakeChannel(config, Environment());
    if (!channel) return channel.error().message();
    Notification notification;
    notification.receiver = "ops";
    return (*channel)->Render(notification)->body;
  };
  EXPECT_NE(text().find("template \"mine\" is not defined"), std::string::npos);
  config.templates = std::make_shared<const TemplateFiles>(
      TemplateFiles{{"a.tmpl",
                     "{{ define \"mine\" }}to {{ .Receiver }}{{ end }}"
                     "{{ define \"log.default.text\" }}default{{ end }}"}});
  EXPECT_EQ(text(), "to ops");
  config.options.clear();
  EXPECT_EQ(text(), "default");
}

TEST(ChannelKindsTest, EveryKindNamesWhatItNeedsAndDocumentsWhatItTakes) {
  ASSERT_EQ(ChannelKinds().size(), 12u);
  const std::string page = ChannelsReferenceMarkdown();
  for (const ChannelKind* kind : ChannelKinds()) {
    EXPECT_EQ(FindChannelKind(kind->name), kind);
    const std::string error = ErrorOf(std::string(kind->name), {});
    for (const ChannelOption& option : kind->options) {
      EXPECT_FALSE(option.doc.empty());
      EXPECT_NE(page.find("| `" + std::string(option.key) + "`"), std::string::npos) << option.key;
      if (!option.required) continue;
      EXPECT_NE(error.find("option " + std::string(option.key) + ": is missing"), std::string::npos)
          << kind->name << ": " << error;
    }
  }
}

}  // namespace
}  // namespace tocsin
