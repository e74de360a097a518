#include "route/route_config.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "route/config_node.h"
#include "route/receiver_reader.h"
#include "route/route_reader.h"
#include "route/time_interval_reader.h"

namespace tocsin {
namespace {

std::unexpected<Error> Refuse(const std::string& path, std::vector<Diagnostic>& diagnostics) {
  std::ranges::stable_sort(diagnostics, [](const Diagnostic& a, const Diagnostic& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return Fail(Code::kConfiguration, FormatDiagnostics(path, diagnostics));
}

}  // namespace

Result<RouteConfig> ParseRouteConfig(std::string_view text, const std::string& path,
                                     std::vector<Diagnostic>& diagnostics) {
  static constexpr std::string_view kKnown[] = {
      "global",  "route",         "receivers", "inhibit_rules", "templates", "mute_time_intervals",
      "tracing", "time_intervals"};
  const std::optional<ConfigNode> tree = ReadConfigTree(text, diagnostics);
  if (!tree) return Refuse(path, diagnostics);
  const ConfigFields file(*tree, "the file", kKnown, diagnostics);
  const std::size_t slash = path.rfind('/');
  RouteConfig config;
  ReadReceivers(file, slash == std::string::npos ? "" : path.substr(0, slash), config, diagnostics);
  config.time_intervals = ReadTimeIntervals(file, diagnostics);
  config.route = ReadRouteTree(file, config, diagnostics);
  config.inhibit_rules = ReadInhibitRules(file, diagnostics);
  if (!file.List("templates").empty()) {
    config.warnings.push_back(
        "templates: files of Go templates have no effect; a channel's texts "
        "are mustache templates");
  }
  if (file.Find("tracing") != nullptr) config.warnings.push_back("tracing has no effect");
  if (!diagnostics.empty()) return Refuse(path, diagnostics);
  return config;
}

Result<RouteConfig> ReadRouteConfig(const std::string& path, std::vector<Diagnostic>& diagnostics) {
  Result<std::string> text = ReadWholeFile(path);
  if (!text) return std::unexpected<Error>(std::move(text).error().WithContext("alert routes"));
  return ParseRouteConfig(*text, path, diagnostics);
}

RouteConfig DefaultRouteConfig(const Settings& settings) {
  RouteConfig config;
  config.route.id = "0";
  config.route.key = "{}";
  config.route.receiver = "default";
  config.route.group_by_all = true;
  config.route.group_wait_us = 0;
  config.route.group_interval_us = 0;
  Receiver receiver;
  receiver.name = "default";
  if (!settings.alert_webhook_url.empty()) {
    ChannelConfig channel;
    channel.kind = "webhook";
    channel.name = "default/webhook[0]";
    channel.options["url"] = settings.alert_webhook_url;
    channel.options["format"] = settings.alert_webhook_format;
    if (!settings.alert_webhook_secret.empty()) {
      channel.options["secret"] = settings.alert_webhook_secret;
    }
    receiver.channels.push_back(std::move(channel));
  }
  if (!settings.alert_slack_webhook_url.empty()) {
    ChannelConfig channel;
    channel.kind = "slack";
    channel.name = "default/slack[0]";
    channel.options["api_url"] = settings.alert_slack_webhook_url;
    receiver.channels.push_back(std::move(channel));
  }
  config.receivers.push_back(std::move(receiver));
  return config;
}

}  // namespace tocsin
