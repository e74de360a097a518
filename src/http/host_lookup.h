#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/error.h"
#include "http/address_policy.h"

namespace tocsin {

// Names to addresses by the system's resolver, with a time limit and a way to give up, which
// getaddrinfo(3) has not. A lookup that is given up ends by itself on a thread of its own.
//
// Threads: Find one at a time; Cancel from any.
class HostLookup {
 public:
  HostLookup();
  // All addresses of `host`, at least one. kUnavailable (not found, too late), kCancelled.
  Result<std::vector<IpAddress>> Find(const std::string& host, std::int64_t timeout_us);
  // Ends the lookup under way and all later ones.
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tocsin
