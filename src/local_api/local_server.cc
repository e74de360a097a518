#include "local_api/local_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/file.h"
#include "base/logging.h"
#include "local_api/request_handler.h"
#include "local_api/socket_path.h"
#include "local_api/wire.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "local_api";
constexpr std::chrono::milliseconds kGrace(50);  // for answers under way when the server stops
constexpr timeval kSendTimeout{.tv_sec = 30, .tv_usec = 0};

std::unexpected<Error> SocketFailure(const std::string& action, const std::string& path,
                                     int error) {
  return Fail(Code::kDiskError, action + " socket " + path + ": " + std::strerror(error));
}

struct Connection {
  FileDescriptor fd;
  std::thread thread;
  bool ended = false;  // the thread is about to return
};

class LocalServerImpl final : public LocalServer {
 public:
  LocalServerImpl(std::string path, FileDescriptor listener, FileDescriptor wake, Log& log,
                  std::function<std::string()> status, Control control)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        wake_(std::move(wake)),
        handler_(log, std::move(status), stop_.get_token(), std::move(control)) {
    acceptor_ = std::thread([this] { AcceptConnections(); });
  }
  ~LocalServerImpl() override { Stop(); }

 private:
  void AcceptConnections();
  void Admit(FileDescriptor fd);
  void Serve(Connection& connection);
  void JoinEnded();
  void Stop();
  void ShutDownAll(int how);

  const std::string path_;
  FileDescriptor listener_;
  FileDescriptor wake_;  // becomes readable when the server stops
  std::stop_source stop_;
  const RequestHandler handler_;
  std::mutex mutex_;
  std::condition_variable connection_ended_;
  std::list<Connection> connections_;  // guarded by mutex_, the threads inside are joined without
  int active_ = 0;
  std::thread acceptor_;
};

void LocalServerImpl::AcceptConnections() {
  while (!stop_.stop_requested()) {
    pollfd ready[] = {{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) {
      LogError(kComponent, "the local socket is no longer served",
               {{"error", std::strerror(errno)}});
      return;
    }
    if ((ready[0].revents & POLLIN) == 0) continue;
    FileDescriptor fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd.valid()) {
      // Out of descriptors: the connection stays queued, so without a pause this would spin.
      if (errno == EMFILE || errno == ENFILE) ::poll(&ready[1], 1, 100);
      continue;
    }
    JoinEnded();
    Admit(std::move(fd));
  }
}

void LocalServerImpl::Admit(FileDescriptor fd) {
  if (!PeerIsSameUserOrRoot(fd.get())) {
    LogWarning(kComponent, "refused a connection of another user");
    return;
  }
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendTimeout, sizeof kSendTimeout);
  const std::lock_guard lock(mutex_);
  if (active_ >= kMaxConnections) {
    // A fresh socket has room for this, so it cannot block; the client may be gone already.
    static_cast<void>(SendFrame(
        fd.get(),
        ErrorAnswer(Error(Code::kResourceExhausted,
                          "the running instance serves " + std::to_string(kMaxConnections) +
                              " local connections already; close some and try again"))));
    return;
  }
  Connection& connection = connections_.emplace_back();
  connection.fd = std::move(fd);
  ++active_;
  try {
    connection.thread = std::thread([this, &connection] { Serve(connection); });
  } catch (const std::system_error& error) {
    LogError(kComponent, "no thread for a local connection", {{"error", error.what()}});
    connections_.pop_back();
    --active_;
  }
}

void LocalServerImpl::Serve(Connection& connection) {
  const int fd = connection.fd.get();
  const RequestHandler::Send send = [fd](std::string_view answer) { return SendFrame(fd, answer); };
  while (!stop_.stop_requested()) {
    auto request = ReceiveFrame(fd, kMaxRequestBytes);
    if (!request) {
      if (request.error().code() == Code::kInvalidArgument) {
        static_cast<void>(send(ErrorAnswer(request.error())));
      }
      break;
    }
    if (!*request) break;
    const Status handled = handler_.Handle(**request, send);
    if (!handled) {
      LogDebug(kComponent, "closed a connection", {{"reason", handled.error().message()}});
      break;
    }
  }
  const std::lock_guard lock(mutex_);
  connection.fd.Close();
  connection.ended = true;
  --active_;
  connection_ended_.notify_all();
}

void LocalServerImpl::JoinEnded() {
  std::list<Connection> ended;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto next = std::next(at);
      if (at->ended) ended.splice(ended.end(), connections_, at);
      at = next;
    }
  }
  for (Connection& connection : ended) connection.thread.join();
}

void LocalServerImpl::ShutDownAll(int how) {
  for (Connection& connection : connections_) {
    if (!connection.ended) ::shutdown(connection.fd.get(), how);
  }
}

void LocalServerImpl::Stop() {
  ::unlink(path_.c_str());
  stop_.request_stop();
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  acceptor_.join();
  listener_.Close();
  {
    std::unique_lock lock(mutex_);
    ShutDownAll(SHUT_RD);  // no further requests; answers may still be sent
    if (!connection_ended_.wait_for(lock, kGrace, [this] { return active_ == 0; })) {
      ShutDownAll(SHUT_RDWR);
    }
  }
  for (Connection& connection : connections_) connection.thread.join();
}

// Makes room for a new socket where an instance that is gone left its own.
Status RemoveStaleSocket(const std::string& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) {
    return Fail(Code::kFailedPrecondition, path + " exists and is not a socket; move it away");
  }
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    return Fail(Code::kUnavailable, "another instance listens on " + path);
  }
  if (::unlink(path.c_str()) != 0) return SocketFailure("remove the stale", path, errno);
  return {};
}

// One instance at a time looks who listens and takes the place: without that, two that start at the
// same moment could each remove the other's socket, which does not listen yet, as a stale one.
Result<FileDescriptor> LockFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::flock(fd.get(), LOCK_EX) != 0) {
    return SocketFailure("lock the folder of the", path, errno);
  }
  return fd;
}

Result<FileDescriptor> Listen(const std::string& path) {
  TOCSIN_ASSIGN(const sockaddr_un address, SocketAddress(path));
  TOCSIN_ASSIGN(const FileDescriptor lock, LockFolderOf(path));
  TOCSIN_TRY(RemoveStaleSocket(path, address));
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return SocketFailure("make the", path, errno);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return SocketFailure("bind the", path, errno);
  }
  // Nobody can connect before listen(), so there is no moment with a wider mode.
  if (::chmod(path.c_str(), S_IRUSR | S_IWUSR) != 0 ||
      ::listen(fd.get(), LocalServer::kMaxConnections) != 0) {
    const int error = errno;
    ::unlink(path.c_str());
    return SocketFailure("listen on the", path, error);
  }
  return fd;
}

}  // namespace

Result<std::unique_ptr<LocalServer>> LocalServer::Start(const std::string& socket_path, Log& log,
                                                        std::function<std::string()> status,
                                                        Control control) {
  FileDescriptor wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake.valid()) return SocketFailure("make an event for the", socket_path, errno);
  TOCSIN_ASSIGN(FileDescriptor listener, Listen(socket_path));
  return std::make_unique<LocalServerImpl>(socket_path, std::move(listener), std::move(wake), log,
                                           std::move(status), std::move(control));
}

}  // namespace tocsin
