#include "server/stream_socket.h"

namespace tocsin {
namespace {

constexpr int kLiveSocketBytes = 64 * 1024;  // that the kernel holds for one live reader

}  // namespace

StreamSocket::StreamSocket(std::unique_ptr<Stream> stream) : stream_(std::move(stream)) {
  error_code ignored;
  stream_->socket().non_blocking(true, ignored);
  stream_->socket().set_option(net::socket_base::send_buffer_size(kLiveSocketBytes), ignored);
}

void StreamSocket::Close() {
  on_sent_ = nullptr;
  stream_->layer().close();
}

LiveSocket::Sent StreamSocket::Send(const LiveBytes& bytes) {
  bytes_ = bytes;
  written_ = 0;
  if (!stream_->encrypted()) return SendOn();
  net::async_write(*stream_, net::buffer(*bytes_),
                   [self = shared_from_this()](const error_code& failed, std::size_t) {
                     if (self->on_sent_) self->on_sent_(!failed);
                   });
  return Sent::kLater;
}

// One system call when the kernel has room, which is the usual case.
LiveSocket::Sent StreamSocket::SendOn() {
  while (written_ < bytes_->size()) {
    error_code error;
    written_ += stream_->socket().write_some(
        net::buffer(bytes_->data() + written_, bytes_->size() - written_), error);
    if (error == net::error::would_block) {
      stream_->socket().async_wait(
          tcp::socket::wait_write,
          [self = shared_from_this()](const error_code& failed) { self->OnWritable(!failed); });
      return Sent::kLater;
    }
    if (error) return Sent::kFailed;
  }
  bytes_ = nullptr;
  return Sent::kDone;
}

void StreamSocket::OnWritable(bool ok) {
  if (!on_sent_) return;
  const Sent sent = ok ? SendOn() : Sent::kFailed;
  if (sent != Sent::kLater) on_sent_(sent == Sent::kDone);
}

}  // namespace tocsin
