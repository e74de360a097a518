#pragma once

#include <sys/un.h>

#include <string>

#include "base/error.h"

namespace tocsin {

// The address of a Unix socket. kInvalidArgument for a path longer than 107 bytes.
Result<sockaddr_un> SocketAddress(const std::string& path);

}  // namespace tocsin
