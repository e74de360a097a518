#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "config/settings.h"
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

struct OpenedLog {
  std::unique_ptr<Log> log;
  EmbeddedLog* embedded = nullptr;  // the same object; null when another process holds it
};

EmbeddedLogOptions LogOptionsFor(const Settings& settings);
// DATA_DIR/log.
std::string LogDirectoryOf(const Settings& settings);

// kNotFound naming the directory when there is no log in it: for commands that must not make one,
// because a mistyped directory would look like an empty one.
Status RequireLog(const Settings& settings);

// Opens the log of the data directory and makes the four topics (not for kRead). `clock` must
// outlive it. Errors: kConfiguration for a setting that this build cannot serve or that
// contradicts the log; kUnavailable naming the process that holds the directory; kNotFound when
// there is nothing to read; those of EmbeddedLog::Open.
Result<OpenedLog> OpenLog(const Settings& settings, const Clock& clock, LogAccess access);

// Lets other processes use the log while this one holds it. `optional`: a failure is only a
// warning. `control` answers requests beyond the log. Null when the log is not here.
Result<std::unique_ptr<LocalServer>> ServeLog(const Settings& settings, OpenedLog& opened,
                                              std::function<std::string()> status, bool optional,
                                              LocalServer::Control control = {});

// What the log of this process counted, into the program's metrics.
void TakeLogMetrics(const OpenedLog& opened, Metrics& metrics);

}  // namespace tocsin
