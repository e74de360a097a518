#include "http/host_lookup.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>

namespace tocsin {
namespace {

Result<std::vector<IpAddress>> Resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0) {
    return Fail(Code::kUnavailable, "host " + host + ": " + gai_strerror(code));
  }
  std::vector<IpAddress> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    const auto address = IpAddress::From(at->ai_addr);
    if (address && std::ranges::find(addresses, *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  freeaddrinfo(list);
  if (addresses.empty()) return Fail(Code::kUnavailable, "host " + host + " has no address");
  return addresses;
}

}  // namespace

struct HostLookup::State {
  std::mutex mutex;
  std::condition_variable changed;
  bool cancelled = false;
  std::uint64_t wanted = 0;  // number of the lookup waited for
  std::optional<Result<std::vector<IpAddress>>> found;
};

HostLookup::HostLookup() : state_(std::make_shared<State>()) {}

Result<std::vector<IpAddress>> HostLookup::Find(const std::string& host, std::int64_t timeout_us) {
  if (const auto literal = IpAddress::Parse(host)) return std::vector<IpAddress>{*literal};
  std::unique_lock lock(state_->mutex);
  state_->found.reset();
  const std::uint64_t number = ++state_->wanted;
  try {
    std::thread([state = state_, host, number] {
      auto result = Resolve(host);
      const std::lock_guard guard(state->mutex);
      if (state->wanted != number) return;
      state->found = std::move(result);
      state->changed.notify_all();
    }).detach();
  } catch (const std::system_error&) {
    return Fail(Code::kUnavailable, "host " + host + ": no thread for looking it up");
  }
  state_->changed.wait_for(lock, std::chrono::microseconds(timeout_us),
                           [&] { return state_->found || state_->cancelled; });
  if (state_->cancelled) return Fail(Code::kCancelled, "cancelled");
  if (!state_->found) {
    ++state_->wanted;
    return Fail(Code::kUnavailable, "host " + host + ": the name server does not answer");
  }
  return std::move(*state_->found);
}

void HostLookup::Cancel() {
  const std::lock_guard guard(state_->mutex);
  state_->cancelled = true;
  state_->changed.notify_all();
}

}  // namespace tocsin
