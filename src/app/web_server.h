#pragma once

#include <memory>
#include <string>

#include "app/session.h"
#include "log/log.h"
#include "web_api/web_backend.h"

namespace tocsin {

// The HTTP server of this process with everything behind it: live view, history, page, API.
class WebServer {
 public:
  // Serves on return; null when HTTP_BIND is empty. Errors: kConfiguration for settings that would
  // open the server to others without users and TLS, kUnavailable when the port is taken. The
  // references must outlive the server.
  static Result<std::unique_ptr<WebServer>> Start(Session& session, Log& log, WebBackend backend);
  virtual ~WebServer() = default;

  virtual std::string url() const = 0;
  // To be shown once to whoever started the program; "" when there are users.
  virtual std::string setup_token() const = 0;
};

// The parts of the backend that need the log only: dead letters and their replay.
WebBackend WebBackendFor(const Session& session, Log& log);

// kConfiguration, as Start() would give: before anything else is begun.
Status CheckWebSettings(const Settings& settings);

}  // namespace tocsin
