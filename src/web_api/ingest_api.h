#pragma once

#include <memory>

#include "server/http_message.h"
#include "web_api/web_service.h"

namespace tocsin {

// Readings in over HTTP: each line enters the raw topic as `tocsin ingest` would append it, and the
// answer comes when all of the request is durable. The parser of the stream tells the sender at
// once which lines will be dead letters.
//
// An Idempotency-Key is committed with the readings: a repeat of it gets the first answer for a
// day, also after a restart; of the newest kMaxKeys keys.
//
// Threads: any.
class IngestApi {
 public:
  static constexpr std::size_t kMaxKeys = 10'000;

  explicit IngestApi(const WebParts& parts);
  ~IngestApi();
  ServerResponse Events(const ServerRequest& request);
  ServerResponse LineProtocol(const ServerRequest& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tocsin
