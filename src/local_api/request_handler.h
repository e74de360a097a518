#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// Turns the requests of the local API into calls of a log. Knows no sockets. Thread-safe.
class RequestHandler {
 public:
  // Sends one frame of the answer.
  using Send = std::function<Status(std::string_view answer)>;

  // Answers a control request: its name and its JSON argument give a JSON answer. Called from
  // several threads at once.
  using Control =
      std::function<Result<std::string>(std::string_view name, std::string_view argument)>;

  // `log` must outlive the handler. `status` makes the object that status requests get. Waits end
  // early when `stop` is requested. Without `control` every control request is kNotFound.
  RequestHandler(Log& log, std::function<std::string()> status, std::stop_token stop,
                 Control control = {});

  // Answers one request through `send`. An error means that the connection must be closed: the
  // request was malformed (its sender has been told) or the answer could not be sent.
  Status Handle(std::string_view request, const Send& send) const;

 private:
  Log& log_;
  std::function<std::string()> status_;
  std::stop_token stop_;
  Control control_;
};

}  // namespace tocsin
