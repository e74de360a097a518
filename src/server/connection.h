// Private to the module.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "server/event_loop.h"
#include "server/stream.h"

namespace tocsin {

// Serves one connection, request by request, until it ends or becomes a reader of the live stream.
// Runs in `loop`; the references must outlive it.
net::awaitable<void> ServeConnection(ServerState& state, EventLoop& loop,
                                     std::unique_ptr<Stream> stream);

}  // namespace tocsin
