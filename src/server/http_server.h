#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "metrics/metrics.h"
#include "server/http_message.h"
#include "server/peers.h"

namespace tocsin {

// What a server asks of the program behind it.
class HttpService {
 public:
  struct Admission {
    std::optional<ServerResponse> refusal;  // the answer, and the body is not read
    std::size_t max_body = 0;               // bytes that the body may have; more is 413
  };

  virtual ~HttpService() = default;
  // The header has been read, the body has not. Called from the event loops: must not block.
  virtual Admission Admit(ServerRequest& head) = 0;
  // Called from a worker thread; may block.
  virtual ServerResponse Answer(ServerRequest& request) = 0;
};

struct HttpServerOptions {
  std::string bind = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 0;          // 0 = any free one
  int threads = 0;                 // event loops; 0 = one a core
  int workers = 4;                 // threads for Answer()
  std::size_t max_connections = 12'000;
  PeerLimits peer_limits;
  std::size_t max_waiting = 256;                 // requests being answered; beyond it 503
  std::size_t max_body_memory = 256u << 20;      // bodies held at one time; beyond it 429
  std::int64_t header_timeout_us = 10'000'000;   // a whole header, from its first byte on
  std::int64_t body_timeout_us = 60'000'000;     // a whole body; and a whole answer
  std::int64_t idle_timeout_us = 60'000'000;     // between requests
  std::int64_t stalled_timeout_us = 30'000'000;  // a live reader that does not read
  std::string tls_certificate_file;              // PEM; empty = plain HTTP
  std::string tls_key_file;
};

// An HTTP/1.1 server on Boost.Beast: an event loop a thread, connections dealt out in turns, every
// answer made by a worker. It knows nothing of what is served.
//
// Bounded: connections (of all and of each address), header (16 KiB), target (8 KiB), bodies, time
// of each step, requests in work, and per live reader the frames that wait for it. Every answer
// carries the headers that a browser is told by to run nothing but the program's own files
// (Content-Security-Policy and others) and `Cache-Control: no-store` unless the answer names
// another.
//
// Live streams: a frame is encoded once, plain and by gzip, and shared by all readers. A `tick`
// replaces the one a slow reader has not got yet; other frames queue up to a limit, beyond which
// the reader is dropped.
class HttpServer {
 public:
  // Listens and serves on return. kUnavailable naming address and port when it is taken,
  // kConfiguration for an address, certificate or key that cannot be used. The references must
  // outlive the server.
  static Result<std::unique_ptr<HttpServer>> Start(const HttpServerOptions& options,
                                                   HttpService& service, Metrics& metrics);
  // Closes every connection; requests in work are waited for.
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  virtual std::size_t live_clients() const = 0;

  // Any thread. Frames are whole: "id: …\nevent: …\ndata: …\n\n". `details` are those of a tick
  // that only readers who asked for details get; may be empty.
  virtual void PublishTick(std::string frame, std::string details) = 0;
  // The number of the frame; a stream that began `from` n gets the frames above n.
  virtual std::uint64_t Publish(std::string frame) = 0;
  virtual std::uint64_t last_published() const = 0;
};

}  // namespace tocsin
