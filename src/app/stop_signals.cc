#include "app/stop_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "app/exit_code.h"

namespace tocsin {
namespace {

// A handler may only do what is async-signal-safe: it wakes the watcher through a pipe.
std::atomic<int> g_signals{0};
int g_pipe[2] = {-1, -1};
constexpr char kSignalled = 's';
constexpr char kFinished = 'f';

void OnSignal(int /*signal*/) {
  if (g_signals.fetch_add(1) > 0) ::_exit(kExitInterrupted);
  const int saved_errno = errno;
  [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], &kSignalled, 1);
  errno = saved_errno;
}

}  // namespace

StopSignals::StopSignals() {
  ::signal(SIGPIPE, SIG_IGN);
  if (::pipe2(g_pipe, O_CLOEXEC) != 0) return;
  watcher_ = std::thread([this] {
    char byte = 0;
    while (::read(g_pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    if (byte == kSignalled) source_.request_stop();
  });
  struct sigaction action{};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

StopSignals::~StopSignals() {
  if (!watcher_.joinable()) return;
  [[maybe_unused]] const ssize_t written = ::write(g_pipe[1], &kFinished, 1);
  watcher_.join();
}

}  // namespace tocsin
