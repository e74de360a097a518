#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/session.h"
#include "base/random.h"
#include "deliver/notify_stage.h"
#include "local_api/local_server.h"
#include "log/log.h"
#include "process/process_stage.h"
#include "stage/runner.h"

namespace tocsin {

// ALERT_ROUTES_FILE, or the receiver that the ALERT_ settings describe. kConfiguration with every
// mistake of the file.
Result<RouteConfig> RoutesFor(const Settings& settings);
// kConfiguration with every mistake of the channels.
Status CheckChannelsOf(const Settings& settings, const RouteConfig& routes);
bool HasChannels(const RouteConfig& routes);

// The delivery's options but for the routes. `log` (may be null: then a kafka channel fails) must
// outlive the stage.
NotifyOptions NotifyOptionsFor(const Settings& settings, Log* log);
RunnerOptions NotifyRunnerOptions(const Settings& settings, const std::string& directory);

// The delivery stage of these settings, or null when no channel is configured: nobody is told then,
// and no consumer group holds back the retention of the alert topic. The session must outlive it.
Result<std::unique_ptr<NotifyStage>> MakeNotifyStage(Session& session, RandomSource& random,
                                                     Log& log);

// Answers the control requests of docs/formats/local_api.md. Thread-safe.
Result<std::string> AnswerDesk(NotifyStage& stage, std::string_view name,
                               std::string_view argument);
// The same as the handler of a server; the stage must outlive it. Empty without a stage.
LocalServer::Control DeskControl(NotifyStage* stage);

// Asks the instance that holds the data directory, or opens the log and answers here. `changes`:
// what the request did is committed. kNotFound without a log: none is made. Only a test of a
// channel is answered then, too.
Result<std::string> AskDesk(Session& session, std::string_view name, std::string_view argument,
                            bool changes);

// Reads the rule file again; the same for a mistake in it.
void ReloadRules(Session& session, ProcessStage& stage);
// Reads the routes again and puts them in force; a mistake is logged and counted, and the old
// routes stay.
void ReloadRoutes(Session& session, NotifyStage& stage);

}  // namespace tocsin
