#include "local_api/connection_pool.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "local_api/socket_path.h"
#include "local_api/wire.h"

namespace tocsin {
namespace {

constexpr std::size_t kMaxIdleConnections = 8;

// After errors of the other codes the server may have closed the connection.
bool KeepsConnection(const Error& error) {
  return error.code() != Code::kUnavailable && error.code() != Code::kInvalidArgument &&
         error.code() != Code::kResourceExhausted;
}

}  // namespace

Result<FileDescriptor> Dial(const std::string& path) {
  TOCSIN_ASSIGN(const sockaddr_un address, SocketAddress(path));
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Fail(Code::kUnavailable,
                "no running instance answers at " + path + ": " + std::strerror(errno));
  }
  if (::geteuid() != 0 && !PeerIsSameUserOrRoot(fd.get())) {
    return Fail(Code::kUnavailable, "the socket " + path + " belongs to another user");
  }
  return fd;
}

Result<std::string> Exchange(int fd, std::string_view request) {
  const Status sent = SendFrame(fd, request);
  // A server that refuses the connection has said so before it closed.
  auto answer = ReceiveFrame(fd, kMaxAnswerBytes);
  if (!answer || !*answer) {
    if (!sent) return std::unexpected(sent.error());
    if (!answer && answer.error().code() != Code::kInvalidArgument) {
      return std::unexpected(std::move(answer).error());
    }
    return Fail(Code::kUnavailable, "the running instance closed the local connection");
  }
  TOCSIN_ASSIGN(const std::string_view result, ParseAnswer(**answer));
  return std::string(result);
}

Result<FileDescriptor> ConnectionPool::Take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      FileDescriptor fd = std::move(idle_.back());
      idle_.pop_back();
      return fd;
    }
  }
  return Dial(path_);
}

void ConnectionPool::GiveBack(FileDescriptor fd) {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMaxIdleConnections) idle_.push_back(std::move(fd));
}

Result<std::string> ConnectionPool::Call(std::string_view request) {
  TOCSIN_ASSIGN(FileDescriptor fd, Take());
  auto result = Exchange(fd.get(), request);
  if (result || KeepsConnection(result.error())) {
    GiveBack(std::move(fd));
  } else if (result.error().code() == Code::kUnavailable) {
    // After a broken connection the others are most likely broken too.
    const std::lock_guard lock(mutex_);
    idle_.clear();
  }
  return result;
}

}  // namespace tocsin
