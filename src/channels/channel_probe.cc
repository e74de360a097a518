// Sends one notification over one channel and prints the outcome: for the end-to-end tests of
// channels against real services.
//
//   channel_probe FILE     FILE is JSON: kind, options, policy, notification, context
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "channels/channel.h"
#include "model/alert_message.h"

namespace tocsin {
namespace {

using nlohmann::json;

Result<Notification> ReadNotification(const json& from) {
  Notification notification;
  notification.receiver = from.value("receiver", "ops");
  notification.group_key = from.value("group_key", "0:{}");
  notification.group_labels = from.value("group_labels", LabelMap());
  notification.decided_us = from.value("decided_us", std::int64_t{0});
  for (const json& record : from.at("alerts")) {
    TOCSIN_ASSIGN(AlertMessage alert, ParseAlertMessage(record.dump()));
    ++(alert.firing ? notification.firing_count : notification.resolved_count);
    notification.alerts.push_back(std::move(alert));
  }
  return notification;
}

ChannelEnvironment ReadEnvironment(const json& from) {
  ChannelEnvironment environment;
  OutgoingPolicy& policy = environment.policy;
  policy.allow_http = from.value("allow_http", false);
  policy.allowed_networks = from.value("allowed_networks", std::vector<std::string>());
  policy.ca_file = from.value("ca_file", "");
  policy.timeout_us = from.value("timeout_us", std::int64_t{5'000'000});
  policy.connect_timeout_us = policy.timeout_us;
  environment.external_url = "https://tocsin.example.com";
  return environment;
}

Result<json> Run(const json& input) {
  static constexpr const char* kOutcomes[] = {"delivered", "retry", "dead", "disabled"};
  ChannelConfig config;
  config.kind = input.at("kind");
  config.name = "ops/" + config.kind + "[0]";
  config.options = input.value("options", std::map<std::string, std::string>());
  const ChannelEnvironment environment = ReadEnvironment(input.value("policy", json::object()));
  TOCSIN_ASSIGN(const std::unique_ptr<Channel> channel, MakeChannel(config, environment));
  TOCSIN_ASSIGN(const Notification notification, ReadNotification(input.at("notification")));
  TOCSIN_ASSIGN(const RenderedMessage message, channel->Render(notification));
  const json& given = input.value("context", json::object());
  SendContext context;
  context.delivery_id = given.value("id", "delivery-1");
  context.now_us = given.value("now_us", std::int64_t{0});
  context.possible_repeat = given.value("possible_repeat", false);
  HttpClient client(environment.policy);
  const SendResult result = channel->Send(message, context, client);
  return json{{"outcome", kOutcomes[static_cast<std::size_t>(result.outcome)]},
              {"status", result.status},
              {"message", result.message},
              {"retry_after_us", result.retry_after_us},
              {"body", message.body}};
}

int Main(const std::string& path) {
  const Result<std::string> text = ReadWholeFile(path);
  const json input = text ? json::parse(*text, nullptr, false) : json();
  if (!input.is_object()) {
    std::fprintf(stderr, "%s: no JSON object\n", path.c_str());
    return 64;
  }
  Result<json> result = Run(input);
  if (!result) result = json{{"error", result.error().message()}};
  std::printf("%s\n", result->dump().c_str());
  return 0;
}

}  // namespace
}  // namespace tocsin

int main(int argc, char** argv) {
  if (argc == 2) return tocsin::Main(argv[1]);
  std::fprintf(stderr, "usage: channel_probe FILE\n");
  return 64;
}
