#include "app/reload_signal.h"

#include <signal.h>

#include <atomic>

namespace tocsin {
namespace {

std::atomic<bool> g_requested{false};

void OnHangup(int /*signal*/) {
  g_requested.store(true);
}

}  // namespace

ReloadSignal::ReloadSignal() {
  struct sigaction action{};
  action.sa_handler = OnHangup;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGHUP, &action, nullptr);
}

ReloadSignal::~ReloadSignal() {
  ::signal(SIGHUP, SIG_DFL);
}

bool ReloadSignal::Take() {
  return g_requested.exchange(false);
}

}  // namespace tocsin
