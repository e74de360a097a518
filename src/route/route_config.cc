#include "route/route_config.h"

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "route/config_node.h"
#include "route/receiver_reader.h"
#include "route/route_reader.h"
#include "route/template_reader.h"
#include "route/time_interval_reader.h"

namespace tocsin {
RouteConfig ScanRouteConfig(std::string_view text, const std::string& path,
                            std::vector<Diagnostic>& diagnostics) {
  static constexpr std::string_view kKnown[] = {
      "global",  "route",         "receivers", "inhibit_rules", "templates", "mute_time_intervals",
      "tracing", "time_intervals"};
  const std::optional<ConfigNode> tree = ReadConfigTree(text, diagnostics);
  if (!tree) return {};
  const ConfigFields file(*tree, "the file", kKnown, diagnostics);
  const std::string folder = path.find('/') == std::string::npos ? "" : DirectoryOf(path);
  RouteConfig config;
  ReadReceivers(file, folder, config, diagnostics);
  config.time_intervals = ReadTimeIntervals(file, diagnostics);
  config.route = ReadRouteTree(file, config, diagnostics);
  config.inhibit_rules = ReadInhibitRules(file, diagnostics);
  ReadTemplates(file, folder, config, diagnostics);
  if (file.Find("tracing") != nullptr) config.warnings.push_back("tracing has no effect");
  for (Receiver& receiver : config.receivers) {
    for (ChannelConfig& channel : receiver.channels) {
      channel.file = path;
      channel.templates = config.templates;
    }
  }
  return config;
}

Result<RouteConfig> ParseRouteConfig(std::string_view text, const std::string& path,
                                     std::vector<Diagnostic>& diagnostics) {
  RouteConfig config = ScanRouteConfig(text, path, diagnostics);
  if (diagnostics.empty()) return config;
  return Fail(Code::kConfiguration, FormatDiagnostics(path, diagnostics));
}

Result<std::string> ReadRouteText(const std::string& path) {
  Result<std::string> text = ReadWholeFile(path);
  if (text) return text;
  return Fail(Code::kConfiguration, "ALERT_ROUTES_FILE cannot be read: " + text.error().message() +
                                        "; name an existing file");
}

Result<RouteConfig> ReadRouteConfig(const std::string& path, std::vector<Diagnostic>& diagnostics) {
  TOCSIN_ASSIGN(const std::string text, ReadRouteText(path));
  return ParseRouteConfig(text, path, diagnostics);
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
