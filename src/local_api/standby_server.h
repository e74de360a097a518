#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "local_api/local_server.h"

namespace tocsin {

// A LocalServer for one of several instances that share a socket path (on Kafka: deliveries in one
// data directory): whoever comes first listens, the others try again until the place is free. Two
// that try in the same moment may both take it; the later one has it then. Parameters and errors
// are those of LocalServer::Start, but another instance that listens is none.
Result<std::unique_ptr<LocalServer>> StartOrStandBy(const std::string& socket_path, Log& log,
                                                    std::function<std::string()> status,
                                                    LocalServer::Control control);

}  // namespace tocsin
