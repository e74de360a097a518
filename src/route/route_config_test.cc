#include "route/route_config.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "route/example_files_for_test.h"

namespace tocsin {
namespace {

RouteConfig Accepted(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  Result<RouteConfig> config = ParseRouteConfig(text, "conf/routes.yml", diagnostics);
  EXPECT_TRUE(config) << config.error().message();
  return config ? *config : RouteConfig{};
}

std::string Mistakes(std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  const Result<RouteConfig> config = ParseRouteConfig(text, "routes.yml", diagnostics);
  EXPECT_FALSE(config);
  if (config) return "";
  EXPECT_EQ(config.error().code(), Code::kConfiguration);
  EXPECT_FALSE(diagnostics.empty());
  return config.error().message();
}

const Receiver& Find(const RouteConfig& config, std::string_view name) {
  for (const Receiver& receiver : config.receivers) {
    if (receiver.name == name) return receiver;
  }
  ADD_FAILURE() << "no receiver " << name;
  return config.receivers.front();
}

TEST(RouteConfigTest, ChannelsInheritTheGlobalPart) {
  const RouteConfig config = Accepted(kShopFile);
  const ChannelConfig& desk = Find(config, "desk").channels.at(0);
  EXPECT_EQ(desk.kind, "email");
  EXPECT_EQ(desk.name, "desk/email[0]");
  EXPECT_FALSE(desk.send_resolved) << "as in Alertmanager";
  EXPECT_EQ(desk.options.at("smarthost"), "mail.example.org:587");
  EXPECT_EQ(desk.options.at("auth_password"), "hunter2");
  EXPECT_EQ(desk.options.at("require_tls"), "true");
  EXPECT_EQ(desk.options.at("headers.subject"), "Sensors");
  EXPECT_EQ(desk.places.at("to").line, 34u);
  EXPECT_TRUE(Find(config, "facility").channels.at(0).send_resolved);
  EXPECT_EQ(Find(config, "facility").channels.at(0).options.at("tls_config.ca_file"),
            "conf/certs/ca.pem");
  EXPECT_FALSE(Find(config, "pager").channels.at(0).send_resolved);
  const ChannelConfig& lab = Find(config, "lab").channels.at(0);
  EXPECT_TRUE(lab.send_resolved);
  EXPECT_EQ(lab.options.at("http_config.authorization.credentials_file"), "conf/lab.token");
  EXPECT_FALSE(lab.options.contains("send_resolved"));
  EXPECT_EQ(config.warnings.size(), 2u) << "resolve_timeout and templates";
}

TEST(RouteConfigTest, RoutesInheritWhatTheyLeaveOut) {
  const RouteConfig config = Accepted(kShopFile);
  ASSERT_EQ(config.route.routes.size(), 3u);
  const Route& lab = config.route.routes[2].routes.at(0);
  EXPECT_EQ(lab.id, "0/2/0");
  EXPECT_EQ(lab.key, R"({}/{team="lab"}/{device_id=~"probe-.*"})");
  EXPECT_EQ(lab.receiver, "lab");
  EXPECT_EQ(lab.group_by, (std::vector<std::string>{"alertname", "site"}));
  EXPECT_EQ(lab.group_wait_us, 30'000'000);
  EXPECT_EQ(lab.repeat_interval_us, 24LL * 3600 * 1'000'000);
  EXPECT_EQ(config.route.routes[1].group_by, std::vector<std::string>{"site"});
}

TEST(RouteConfigTest, ReadsTheWholeOfALargeFile) {
  const RouteConfig config = Accepted(kPlantFile);
  EXPECT_TRUE(config.route.group_by_all);
  EXPECT_FALSE(config.route.routes[0].group_by_all);
  EXPECT_EQ(config.inhibit_rules.size(), 2u);
  EXPECT_EQ(config.inhibit_rules[0].equal, std::vector<std::string>{"site"});
  EXPECT_EQ(config.time_intervals.size(), 3u);
  const TimeInterval& closing = config.time_intervals.at("closing").at(0);
  EXPECT_EQ(closing.days_of_month, (std::vector<std::pair<int, int>>{{-3, -1}}));
  EXPECT_EQ(closing.months, (std::vector<std::pair<int, int>>{{12, 12}, {1, 1}, {3, 5}}));
  EXPECT_EQ(closing.years, (std::vector<std::pair<int, int>>{{2026, 2030}, {2040, 2040}}));
  EXPECT_EQ(config.time_intervals.at("nights").at(0).times,
            (std::vector<std::pair<int, int>>{{1320, 1440}, {0, 360}}));
  const ChannelConfig& slack = Find(config, "plant-slack").channels.at(0);
  EXPECT_EQ(slack.options.at("api_url"), "https://hooks.slack.example.org/services/T0/B0/xyz");
  EXPECT_EQ(slack.options.at("actions.0.text"), "Open");
  EXPECT_EQ(slack.options.at("http_config.tls_config.ca_file"), "/etc/ssl/plant.pem");
  const ChannelConfig& north = Find(config, "north").channels.at(0);
  EXPECT_FALSE(north.options.contains("api_url")) << "the file of its own goes before the global";
  EXPECT_EQ(Find(config, "pumps").channels.at(1).name, "pumps/webhook[1]");
  ASSERT_EQ(config.warnings.size(), 1u);
  EXPECT_NE(config.warnings[0].find("pushover_configs"), std::string::npos);
  EXPECT_EQ(Find(config, "log-all").channels.size(), 0u);
}

TEST(RouteConfigTest, SiblingsWithTheSameMatchersHaveDifferentKeys) {
  const RouteConfig config = Accepted(
      "route: {receiver: a, routes: [{matchers: [x=1], continue: true}, {matchers: [x=1]}]}\n"
      "receivers: [{name: a}]\n");
  EXPECT_EQ(config.route.routes[0].key, R"({}/{x="1"})");
  EXPECT_EQ(config.route.routes[1].key, R"({}/{x="1"}#2)");
}

TEST(RouteConfigTest, AllMistakesComeAtOnceWithPlacesAndSuggestions) {
  const std::string mistakes = Mistakes(R"(route:
  reciever: a
  receiver: desc
  group_wait: soon
  matchers: [a=b]
  routes:
  - matchers: ['severity']
    group_by: [a, a]
    mute_time_intervals: [night]
    continue: perhaps
receivers:
- name: desk
- name: desk
- name: none
  victorops_configs: [{api_key: hidden-key}]
- name: mail
  email_configs: [{to: a@example.org}]
time_intervals:
- name: nights
  time_intervals:
  - times: [{start_time: '22:00', end_time: '06:00'}]
    weekdays: [moonday]
    days_of_month: ['0', '5:3']
    location: Europe/Berlim
)");
  for (const char* wanted :
       {"routes.yml:2:3: unknown key 'reciever' in route; did you mean 'receiver'?",
        "routes.yml:3:13: receiver 'desc' is not defined; did you mean 'desk'?",
        "routes.yml:4:15: group_wait: 'soon' is no duration", "routes.yml:5:13: the root route",
        "routes.yml:7:16: 'severity' has no =", "routes.yml:8:15: group_by names a label twice",
        "routes.yml:9:27: time interval 'night' is not defined; did you mean 'nights'?",
        "routes.yml:10:15: continue must be true or false", "receiver 'desk' is defined twice",
        "receiver 'none' would reach nobody: victorops_configs",
        "start_time 22:00 is not before end_time 06:00", "weekdays: 'moonday'",
        "days_of_month: '0'", "days_of_month: '5:3'", "location 'Europe/Berlim'"}) {
    EXPECT_NE(mistakes.find(wanted), std::string::npos) << wanted << "\n in\n" << mistakes;
  }
  EXPECT_EQ(mistakes.find("hidden-key"), std::string::npos);
}

TEST(RouteConfigTest, TemplateFilesAreReadBesideTheConfiguration) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / "route_templates";
  std::filesystem::create_directories(folder / "t");
  std::ofstream(folder / "t/b.tmpl") << "B";
  std::ofstream(folder / "t/a.tmpl") << "A";
  const std::string path = (folder / "routes.yml").string();
  const auto read = [&](const std::string& templates, std::vector<Diagnostic>& diagnostics) {
    return ParseRouteConfig(
        "route: {receiver: r}\nreceivers: [{name: r, log_configs: [{}]}]\n"
        "templates: " +
            templates + "\n",
        path, diagnostics);
  };
  std::vector<Diagnostic> diagnostics;
  const auto config = read("['t/*.tmpl', 'none/*.tmpl']", diagnostics);
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_NE(config->templates, nullptr);
  EXPECT_EQ(*config->templates, (TemplateFiles{{(folder / "t/a.tmpl").string(), "A"},
                                               {(folder / "t/b.tmpl").string(), "B"}}));
  EXPECT_EQ(config->receivers[0].channels[0].templates, config->templates);
  ASSERT_EQ(config->warnings.size(), 1u);
  EXPECT_NE(config->warnings[0].find("none/*.tmpl' matches no file"), std::string::npos);
  EXPECT_FALSE(read("[t]", diagnostics));
  ASSERT_EQ(diagnostics.size(), 1u);
  EXPECT_NE(diagnostics[0].message.find("t is no file; name the files in it"), std::string::npos);
  EXPECT_EQ(diagnostics[0].place.line, 3u);
  std::filesystem::remove_all(folder);
}

TEST(RouteConfigTest, WhatIsNoConfigurationIsRefused) {
  for (const char* text : {"", "[]", "a: [", "route: 5", "receivers: x", "? [a]\n: b",
                           "route: &a [*a]", "a: &a [1]\na: *a"}) {
    EXPECT_FALSE(Mistakes(text).empty()) << text;
  }
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'k'; ++c) {
    bomb += std::string(1, c) + ": &" + c;
    bomb += " [";
    for (int i = 0; i < 9; ++i)
      bomb += std::string(i > 0 ? "," : "") + "*" + static_cast<char>(c - 1);
    bomb += "]\n";
  }
  EXPECT_NE(Mistakes(bomb).find("aliases"), std::string::npos);
}

TEST(RouteConfigTest, ASecretSetTwiceIsRefusedWithoutBeingShown) {
  const std::string mistakes = Mistakes(
      "global: {slack_api_url: 'https://s3cret', slack_api_url_file: f}\n"
      "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{channel: c}]}]\n");
  EXPECT_NE(mistakes.find("not both"), std::string::npos);
  EXPECT_EQ(mistakes.find("s3cret"), std::string::npos);
}

TEST(RouteConfigTest, MergeKeysAreResolved) {
  const RouteConfig config = Accepted(R"(
route: {receiver: a}
receivers:
- &one
  name: a
  webhook_configs: [{url: 'http://x', max_alerts: 3}]
- {<<: *one, name: b}
)");
  EXPECT_EQ(Find(config, "b").channels.at(0).options.at("max_alerts"), "3");
  EXPECT_EQ(Find(config, "b").channels.at(0).name, "b/webhook[0]");
}

TEST(RouteConfigTest, WithoutAFileEveryAlertGoesAtOnceToTheChannelsOfTheSettings) {
  Settings settings;
  EXPECT_TRUE(DefaultRouteConfig(settings).receivers.at(0).channels.empty());
  settings.alert_webhook_url = "https://example.org/hook";
  settings.alert_slack_webhook_url = "https://example.org/slack";
  const RouteConfig config = DefaultRouteConfig(settings);
  ASSERT_EQ(config.receivers.at(0).channels.size(), 2u);
  EXPECT_EQ(config.receivers[0].channels[0].options.at("url"), settings.alert_webhook_url);
  EXPECT_EQ(config.receivers[0].channels[1].kind, "slack");
  EXPECT_TRUE(config.receivers[0].channels[1].send_resolved);
  EXPECT_TRUE(config.route.group_by_all);
  EXPECT_EQ(config.route.group_wait_us, 0);
  EXPECT_EQ(config.route.group_interval_us, 0);
}

}  // namespace
}  // namespace tocsin
