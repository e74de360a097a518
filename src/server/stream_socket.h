// Private to the module.
#pragma once

#include <functional>
#include <memory>

#include "server/live_readers.h"
#include "server/stream.h"

namespace tocsin {

// A connection that has become a reader of the live stream. Threads: none but its loop's.
class StreamSocket final : public LiveSocket, public std::enable_shared_from_this<StreamSocket> {
 public:
  explicit StreamSocket(std::unique_ptr<Stream> stream);
  void SetOnSent(std::function<void(bool ok)> on_sent) override { on_sent_ = std::move(on_sent); }
  void Close() override;
  Sent Send(const LiveBytes& bytes) override;

 private:
  Sent SendOn();
  void OnWritable(bool ok);

  std::unique_ptr<Stream> stream_;
  std::function<void(bool)> on_sent_;
  LiveBytes bytes_;
  std::size_t written_ = 0;
};

}  // namespace tocsin
