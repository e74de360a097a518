#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// Serves the log of this process to other processes of the same user on a Unix socket (mode 0600):
// append, read, state, status. One thread per connection, at most `kMaxConnections`; requests are
// bounded to kMaxRequestBytes. The protocol: docs/formats/local_api.md.
class LocalServer {
 public:
  static constexpr int kMaxConnections = 64;
  static constexpr std::size_t kMaxRequestBytes = 16u << 20;

  // Listens on `socket_path` (a stale socket file is replaced). `status` makes the JSON object
  // that `status` requests get; it is called from the threads of the connections. `log` must
  // outlive the server. Errors: kUnavailable when another instance listens there,
  // kFailedPrecondition when a file stands there, kDiskError for what the system answers.
  // `control` answers control requests (a name and a JSON argument) likewise; empty = none are
  // taken.
  using Control =
      std::function<Result<std::string>(std::string_view name, std::string_view argument)>;
  static Result<std::unique_ptr<LocalServer>> Start(const std::string& socket_path, Log& log,
                                                    std::function<std::string()> status,
                                                    Control control = {});
  // Removes the socket file, stops accepting and ends the connections. A request under way may
  // finish and is answered if that takes no longer than 50 ms.
  virtual ~LocalServer() = default;
};

// DATA_DIR/tocsin.sock; when the absolute path is too long for a Unix socket (107 bytes), a socket
// under the run-time directory whose name is a hash of the path.
std::string SocketPathFor(const std::string& data_dir);

}  // namespace tocsin
