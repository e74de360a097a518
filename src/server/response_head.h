#pragma once

#include <cstddef>
#include <string>

#include "server/http_message.h"

namespace tocsin {

// Status line and header of an answer, the empty line behind them included: its own headers, those
// that every answer carries (date, length, what a browser may do with it), and `cache-control:
// no-store` unless it names another. `encrypted`: TLS ends here, so browsers are told to insist on
// it.
std::string ResponseHead(const ServerResponse& response, std::size_t body_bytes, bool keep_alive,
                         bool encrypted);

}  // namespace tocsin
