#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "log/log.h"

namespace tocsin {

// The log of a running instance, through its Unix socket. The same contract as the others, except
// that consumers of a group that the instance itself runs are the caller's mistake.
// Every call can answer kUnavailable when the instance goes away; nothing is retried here. After
// kUnavailable from a commit it is unknown whether it happened. AppendCount() then gives 0 and
// WaitForAppend() returns at once; the next call that can fail tells why.
//
// A transaction travels in one request: one above LocalServer::kMaxRequestBytes is refused with
// kInvalidArgument at its commit. A stop request ends WaitForAppend() within 50 ms.
class RemoteLog {
 public:
  // kUnavailable when nobody listens on `socket_path`.
  static Result<std::unique_ptr<Log>> Connect(const std::string& socket_path);
  // The status object of the instance (JSON).
  static Result<std::string> Status(const std::string& socket_path);
  // A control request: its JSON answer, or the error that the instance gave. kUnavailable when
  // nobody listens.
  static Result<std::string> Control(const std::string& socket_path, std::string_view name,
                                     std::string_view argument);
};

}  // namespace tocsin
