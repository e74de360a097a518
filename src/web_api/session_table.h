#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace tocsin {

// Who is logged in, and how often log-ins failed. Kept in memory: a restart ends every session.
//
// Bounded: 10,000 sessions (the one unused the longest makes room) and 10,000 names and addresses
// with failures. Threads: any.
class SessionTable {
 public:
  static constexpr std::size_t kMaxEntries = 10'000;
  static constexpr std::int64_t kIdleUs = 30LL * 60 * 1'000'000;
  static constexpr std::int64_t kLongestUs = 12LL * 3600 * 1'000'000;
  static constexpr int kFreeTries = 5;  // failures without a wait; then 1 s, 2 s, 4 s … 15 min

  explicit SessionTable(const Clock& clock) : clock_(clock) {}

  struct Session {
    std::string user;
    std::string csrf;
  };
  // The secret for the cookie.
  std::string Begin(const std::string& user);
  // The session of a cookie's secret; `use` counts as use of it.
  std::optional<Session> Find(std::string_view secret, bool use = true);
  void End(std::string_view secret);
  void EndAllOf(std::string_view user);

  // How long `who` must wait before the next try; 0 = not at all.
  std::int64_t WaitUs(const std::string& who);
  void Failed(const std::string& who);
  void Succeeded(const std::string& who);

 private:
  struct Entry {
    Session session;
    std::int64_t begun_us = 0;
    std::int64_t used_us = 0;
  };
  struct Failures {
    int count = 0;
    std::int64_t last_us = 0;
  };
  void Sweep(std::int64_t now_us);

  const Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> sessions_;  // by the digest of the secret
  std::unordered_map<std::string, Failures> failures_;
};

}  // namespace tocsin
