#include "app/desk.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "app/open_log.h"
#include "app/stage_thread.h"
#include "base/error_list.h"
#include "base/logging.h"
#include "base/text.h"
#include "local_api/remote_log.h"
#include "log/partitioner.h"
#include "stage/collector.h"

namespace tocsin {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostDeliveries = 10'000;

Status AppendTo(Log& log, const std::string& topic, std::string_view key, std::string_view value) {
  TOCSIN_ASSIGN(const std::int32_t partitions, PartitionCount(log, topic));
  RecordBatchBuilder batch;
  batch.Append(key, value);
  TOCSIN_ASSIGN(const auto transaction, log.Begin());
  TOCSIN_TRY(transaction->Append({topic, PartitionOf(key, partitions)}, batch));
  TOCSIN_TRY(transaction->Commit());
  return {};
}

// A text member of the argument, "" when it is absent or no text.
std::string Text(const Json& argument, const char* key) {
  const auto found = argument.find(key);
  return found == argument.end() || !found->is_string() ? std::string() : found->get<std::string>();
}

Result<std::string> Done(Status status) {
  if (!status) return std::unexpected(std::move(status).error());
  return std::string("{}");
}

Result<std::string> AnswerDeliveries(NotifyStage& stage, std::string_view name,
                                     const Json& argument) {
  if (name == "deliveries.show") return stage.DeliveryJson(Text(argument, "id"));
  if (name == "deliveries.redeliver") return Done(stage.Redeliver(Text(argument, "id")));
  NotifyStage::DeliveryQuery query{.state = Text(argument, "state"),
                                   .channel = Text(argument, "channel")};
  if (const auto max = argument.find("max"); max != argument.end() && max->is_number_unsigned()) {
    query.max = std::min(max->get<std::size_t>(), kMostDeliveries);
  }
  return stage.DeliveriesJson(std::move(query));
}

// For channels that are made where no log is: a kafka channel is right then, and cannot send.
ChannelEnvironment WithoutLog(ChannelEnvironment environment) {
  environment.append = [](const std::string&, std::string_view, std::string_view) -> Status {
    return Fail(Code::kFailedPrecondition, "there is no log yet; start `tocsin up` first");
  };
  return environment;
}

// A stage of these settings that the caller's thread asks.
Result<std::unique_ptr<NotifyStage>> MakeDeskStage(Session& session, RandomSource& random,
                                                   Log* log) {
  NotifyOptions options = NotifyOptionsFor(session.settings, log);
  TOCSIN_ASSIGN(options.routes, RoutesFor(session.settings));
  if (log == nullptr) options.environment = WithoutLog(std::move(options.environment));
  options.desk_only = true;
  return NotifyStage::Make(std::move(options), session.clock, random, session.metrics);
}

// The log is here: nobody runs the delivery.
Result<std::string> AnswerHere(Session& session, Log& log, std::string_view name,
                               std::string_view argument, bool changes) {
  SeededRandom random(RandomSeed());
  TOCSIN_ASSIGN(const auto stage, MakeDeskStage(session, random, &log));
  TOCSIN_TRY(stage->Restore(0, [&](const Stage::StateVisitor& visit) {
    return log.ReadState(NotifyStage::kName, 0, visit);
  }));
  TOCSIN_ASSIGN(std::string answer, AnswerDesk(*stage, name, argument));
  if (!changes) return answer;
  Collector collector;
  TOCSIN_TRY(stage->Flush(collector));
  TOCSIN_ASSIGN(const auto transaction, log.Begin());
  TOCSIN_TRY(collector.MoveInto(*transaction, NotifyStage::kName));
  // On a cluster the delivery may run elsewhere; then its place in the group refuses this change.
  const TopicPartition first{session.settings.alert_topic, 0};
  const std::string group = GroupFor(session.settings, NotifyStage::kName);
  TOCSIN_ASSIGN(const auto place, log.CommittedOffset(group, first));
  if (place) transaction->CommitOffset(group, first, *place);
  if (auto committed = transaction->Commit(); !committed) {
    Error error = std::move(committed).error();
    if (session.settings.kafka_broker.empty()) return std::unexpected(std::move(error));
    return Fail(error.code(), error.message() +
                                  "; while `tocsin deliver` runs, give this command "
                                  "its --data-dir");
  }
  return answer;
}

// A test of a channel needs no log: people make it before their first start.
Result<std::string> AnswerWithoutLog(Session& session, const Error& missing, std::string_view name,
                                     std::string_view argument) {
  LogWarning("notify", "the channel is tested by the settings alone",
             {{"reason", missing.message()}});
  SeededRandom random(RandomSeed());
  TOCSIN_ASSIGN(const auto stage, MakeDeskStage(session, random, nullptr));
  return AnswerDesk(*stage, name, argument);
}

}  // namespace

Result<RouteConfig> RoutesFor(const Settings& settings) {
  if (settings.alert_routes_file.empty()) return DefaultRouteConfig(settings);
  const std::string& path = settings.alert_routes_file;
  TOCSIN_ASSIGN(const std::string text, ReadRouteText(path));
  std::vector<Diagnostic> diagnostics;
  RouteConfig routes = ScanRouteConfig(text, path, diagnostics);
  if (!diagnostics.empty()) {
    // Whoever mends the file wants to know what is wrong with its channels, too.
    ErrorList errors;
    errors.Add(Error(Code::kConfiguration, FormatDiagnostics(path, diagnostics)));
    errors.Check(CheckChannelsOf(settings, routes));
    TOCSIN_TRY(errors.Finish());
  }
  for (const std::string& warning : routes.warnings) LogWarning("routes", warning);
  return routes;
}

Status CheckChannelsOf(const Settings& settings, const RouteConfig& routes) {
  return CheckChannels(routes, WithoutLog(NotifyOptionsFor(settings, nullptr).environment));
}

bool HasChannels(const RouteConfig& routes) {
  return std::ranges::any_of(routes.receivers,
                             [](const Receiver& receiver) { return !receiver.channels.empty(); });
}

NotifyOptions NotifyOptionsFor(const Settings& settings, Log* log) {
  NotifyOptions options;
  options.notifier.backlog_age_us = settings.alert_backlog_age_us;
  options.max_age_us = settings.alert_max_age_us;
  options.environment.external_url = settings.alert_external_url;
  OutgoingPolicy& policy = options.environment.policy;
  policy.allow_http = settings.alert_allow_http;
  policy.allowed_networks = SplitList(settings.alert_allow_networks);
  policy.ca_file = settings.alert_ca_file;
  policy.timeout_us = settings.alert_timeout_us;
  policy.connect_timeout_us = std::min(policy.connect_timeout_us, settings.alert_timeout_us);
  if (log != nullptr) {
    options.environment.append = [log](const std::string& topic, std::string_view key,
                                       std::string_view value) {
      return AppendTo(*log, topic, key, value);
    };
  }
  return options;
}

RunnerOptions NotifyRunnerOptions(const Settings& settings, const std::string& directory) {
  RunnerOptions options;
  options.group = GroupFor(settings, NotifyStage::kName);
  options.topic = settings.alert_topic;
  options.whole = true;  // one outbox
  options.poll_timeout_us = settings.streaming_poll_timeout_ms * 1000;
  options.crash_guard_path = directory + "/notify.guard";
  return options;
}

Result<std::unique_ptr<NotifyStage>> MakeNotifyStage(Session& session, RandomSource& random,
                                                     Log& log) {
  TOCSIN_ASSIGN(RouteConfig routes, RoutesFor(session.settings));
  if (!HasChannels(routes)) return std::unique_ptr<NotifyStage>();
  NotifyOptions options = NotifyOptionsFor(session.settings, &log);
  options.routes = std::move(routes);
  return NotifyStage::Make(std::move(options), session.clock, random, session.metrics);
}

Result<std::string> AnswerDesk(NotifyStage& stage, std::string_view name,
                               std::string_view argument) {
  const Json json = Json::parse(argument, nullptr, false);
  if (!json.is_object()) {
    return Fail(Code::kInvalidArgument,
                "the argument of " + std::string(name) + " is no JSON object");
  }
  if (name.starts_with("deliveries.")) return AnswerDeliveries(stage, name, json);
  if (name == "channels.list") return stage.ChannelsJson();
  if (name == "channels.test") return stage.TestChannel(Text(json, "name"));
  if (name == "channels.enable") return Done(stage.EnableChannel(Text(json, "name")));
  if (name == "silences.list") return stage.SilencesJson();
  if (name == "silences.expire") return Done(stage.ExpireSilence(Text(json, "id")));
  if (name == "alerts.list") return stage.AlertsJson();
  if (name == "silences.add") {
    TOCSIN_ASSIGN(Silence silence, Silence::FromJson(argument));
    return Done(stage.AddSilence(std::move(silence)));
  }
  return Fail(Code::kNotFound, "the running instance knows no request " + std::string(name));
}

LocalServer::Control DeskControl(NotifyStage* stage) {
  if (stage == nullptr) {
    return [](std::string_view, std::string_view) -> Result<std::string> {
      return Fail(Code::kFailedPrecondition,
                  "the running instance delivers to no channel; set ALERT_ROUTES_FILE or "
                  "ALERT_WEBHOOK_URL and start it again");
    };
  }
  return [stage](std::string_view name, std::string_view argument) {
    return AnswerDesk(*stage, name, argument);
  };
}

Result<std::string> AskDesk(Session& session, std::string_view name, std::string_view argument,
                            bool changes) {
  const Settings& settings = session.settings;
  auto remote = RemoteLog::Control(SocketPathFor(settings.data_dir), name, argument);
  if (remote || remote.error().code() != Code::kUnavailable) return remote;
  // Nobody listens, or the delivery there has ended: the log says who is right.
  if (const Status found = RequireLog(settings); !found) {
    if (name != "channels.test") return std::unexpected(found.error());
    return AnswerWithoutLog(session, found.error(), name, argument);
  }
  auto opened = OpenLog(settings, session.clock, LogAccess::kExclusive, "desk", session.stop);
  if (!opened) return std::unexpected(std::move(opened).error());
  return AnswerHere(session, *opened->log, name, argument, changes);
}

void ReloadRules(Session& session, ProcessStage& stage) {
  const Status done = stage.Reload(session.settings);
  session.metrics.Add(Metric::kReloads, 1, done ? 0 : 1);
  if (done) {
    LogInfo("rules", "the rules are in force anew");
  } else {
    LogError("rules", "the rules were not reloaded; the old ones stay",
             {{"reason", done.error().message()}});
  }
}

void ReloadRoutes(Session& session, NotifyStage& stage) {
  Result<RouteConfig> routes = RoutesFor(session.settings);
  Status done =
      routes ? stage.Reconfigure(std::move(*routes)) : Status(std::unexpected(routes.error()));
  session.metrics.Add(Metric::kReloads, 1, done ? 0 : 1);
  if (done) {
    LogInfo("routes", "the routes are in force anew");
  } else {
    LogError("routes", "the routes were not reloaded; the old ones stay",
             {{"reason", done.error().message()}});
  }
}

}  // namespace tocsin
