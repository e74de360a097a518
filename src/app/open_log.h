#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
#include "kafka_log/instance_slot.h"
#include "local_api/local_server.h"
#include "log/log.h"
#include "log_backends/embedded_log.h"
#include "metrics/metrics.h"

namespace tocsin {

enum class LogAccess : std::uint8_t {
  kRead,       // an existing log, here or through the instance that holds it
  kShared,     // made when missing, here or through the instance that holds it
  kExclusive,  // here only: for commands that run stages
};

class SpoolingLog;

struct OpenedLog {
  // On Kafka: this process's place, null for commands that only look.
  std::unique_ptr<InstanceSlot> slot;
  std::unique_ptr<Log> log;
  // The same object; null when another process holds it, and on Kafka.
  EmbeddedLog* embedded = nullptr;
  // The same object, of commands that bring new events to Kafka; null elsewhere.
  SpoolingLog* spool = nullptr;
  // Folder for what belongs to this process alone (crash guards).
  std::string private_directory;
};

// Of the topics that are made.
TopicConfig TopicConfigFor(const Settings& settings);
EmbeddedLogOptions LogOptionsFor(const Settings& settings);
// DATA_DIR/log.
std::string LogDirectoryOf(const Settings& settings);

// kNotFound naming the directory when there is no log in it: for commands that must not make one,
// because a mistyped directory would look like an empty one.
Status RequireLog(const Settings& settings);

// Opens the log, of the data directory or of the Kafka cluster that the settings name, and makes
// the four topics (not for kRead). Waits for a broker until `stop`. `role` names the command on the
// cluster. `clock` must outlive the log. Errors: kConfiguration for a setting that this build
// cannot serve or that contradicts the log; kUnavailable naming the process that holds the
// directory, or the broker; kNotFound when there is nothing to read; those of EmbeddedLog::Open and
// KafkaLog::Open.
Result<OpenedLog> OpenLog(const Settings& settings, const Clock& clock, LogAccess access,
                          std::string_view role, std::stop_token stop);

// Lets other processes use the log while this one holds it. `optional`: a failure is only a
// warning. `control` answers requests beyond the log. Null when the log is not here, and on Kafka
// without `control`; with it, one of the instances in the data directory answers at a time.
Result<std::unique_ptr<LocalServer>> ServeLog(const Settings& settings, OpenedLog& opened,
                                              std::function<std::string()> status, bool optional,
                                              LocalServer::Control control = {});

// At the end of a command that brings new events: waits until those that Kafka was not there for
// have arrived. A stop request ends the wait with a warning; they are sent by the next start.
void WaitUntilDrained(const OpenedLog& opened, Metrics& metrics);

// What the log of this process counted, into the program's metrics.
void TakeLogMetrics(const OpenedLog& opened, Metrics& metrics);

}  // namespace tocsin
