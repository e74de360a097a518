#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "config/settings.h"
#include "expression/diagnostic.h"
#include "route/matcher.h"
#include "route/template_file.h"
#include "route/time_interval.h"

namespace tocsin {

// One channel of a receiver: a kind of src/channels and its options as text. Channels check them.
struct ChannelConfig {
  std::string kind;  // webhook, slack, email, pagerduty, opsgenie, twilio, msteams, telegram,
                     // ntfy, alertmanager, kafka, log
  std::string name;  // unique: "<receiver>/<kind>[index]"; the channel's queue goes by it
  // As in Alertmanager: false for slack and email unless the file says so, true for all others.
  bool send_resolved = true;
  // Options as flat keys: nested ones joined by '.', list elements by their number:
  // "http_config.tls_config.ca_file", "headers.0.name". Secrets also as <key>_file (a path).
  // What the channel leaves out is taken from the file's `global` part. A relative <key>_file is
  // relative to the folder of the configuration file and comes here joined with it.
  std::map<std::string, std::string> options;
  std::map<std::string, SourcePlace> places;  // of the options that stand in the file
  SourcePlace place;                          // of the channel
  std::string file;                           // that they are places of; "" = of none
  // The key under `global` that an option may be set by as well, by option.
  std::map<std::string, std::string> global_keys;
  std::shared_ptr<const TemplateFiles> templates;  // those of the configuration, or null
};

struct Receiver {
  std::string name;
  std::vector<ChannelConfig> channels;
};

struct Route {
  std::string id;   // "0", "0/2": the path in the tree
  std::string key;  // Alertmanager's: the matchers down to here, `{}/{site="a"}`; unique in the
                    // tree and the same when routes beside it come and go
  std::string receiver;
  std::vector<Matcher> matchers;
  std::vector<std::string> group_by;  // sorted
  bool group_by_all = false;          // group_by: ['...']
  std::int64_t group_wait_us = 30'000'000;
  std::int64_t group_interval_us = 300'000'000;
  std::int64_t repeat_interval_us = 4LL * 3600 * 1'000'000;  // 0 = never
  std::vector<std::string> mute_time_intervals;
  std::vector<std::string> active_time_intervals;
  bool continue_matching = false;
  std::vector<Route> routes;
};

struct InhibitRule {
  std::vector<Matcher> source;
  std::vector<Matcher> target;
  std::vector<std::string> equal;
};

// How alerts reach people, in Alertmanager's words: its configuration file mostly works as it is.
struct RouteConfig {
  Route route;
  std::vector<Receiver> receivers;
  std::vector<InhibitRule> inhibit_rules;
  std::map<std::string, std::vector<TimeInterval>> time_intervals;
  std::shared_ptr<const TemplateFiles> templates;  // read whole; null when there are none
  std::vector<std::string> warnings;  // what was accepted but has no effect, one sentence each
};

// The routes that take an alert with these labels, in order: the deepest that match, siblings after
// the first only where `continue` says so, the root when no other does.
std::vector<const Route*> MatchRoutes(const Route& root, const LabelMap& labels);

// Reads ALERT_ROUTES_FILE. All mistakes in `diagnostics` and, formatted, in the error
// (kConfiguration). Unknown keys are mistakes with suggestions; keys of Alertmanager that mean
// nothing here are warnings. Secrets never appear in a message.
Result<RouteConfig> ReadRouteConfig(const std::string& path, std::vector<Diagnostic>& diagnostics);
Result<RouteConfig> ParseRouteConfig(std::string_view text, const std::string& path,
                                     std::vector<Diagnostic>& diagnostics);
// The text of the file; what could be read of it in spite of mistakes, which are all in
// `diagnostics`.
Result<std::string> ReadRouteText(const std::string& path);
RouteConfig ScanRouteConfig(std::string_view text, const std::string& path,
                            std::vector<Diagnostic>& diagnostics);
// Without a file: one receiver `default` with a webhook channel for ALERT_WEBHOOK_URL and a slack
// channel for ALERT_SLACK_WEBHOOK_URL; every alert by itself and at once (group_by ['...'],
// group_wait 0s, group_interval 0s, repeat_interval 4h). No channels when neither is set.
RouteConfig DefaultRouteConfig(const Settings& settings);

}  // namespace tocsin
