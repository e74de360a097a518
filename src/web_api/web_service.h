#pragma once

#include <memory>

#include "base/clock.h"
#include "config/settings.h"
#include "history/history.h"
#include "live_view/live_view.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "server/http_server.h"
#include "web_api/access.h"
#include "web_api/web_backend.h"

namespace tocsin {

// What the service works with. All must outlive it.
struct WebParts {
  const Settings& settings;
  Log& log;
  const Clock& clock;
  Metrics& metrics;
  LiveView& live;
  History& history;
  Access& access;
  WebBackend& backend;
};

// The page, the API of docs/specs/openapi.yaml, health and metrics.
class WebService : public HttpService {
 public:
  static std::unique_ptr<WebService> Make(const WebParts& parts);
  // The server that this service answers for; before it gets live readers.
  virtual void Attach(HttpServer& server) = 0;
  // Sends one frame of what is now to the live readers; about once a second.
  virtual void PublishTick() = 0;
  // From the live view, of its thread.
  virtual void PublishAlert(const std::string& positions, const AlertMessage& alert) = 0;
};

}  // namespace tocsin
