#include "web_api/session_table.h"

#include <algorithm>

#include "web_api/access_file.h"

namespace tocsin {
namespace {

constexpr std::int64_t kLongestWaitUs = 15LL * 60 * 1'000'000;

bool Over(std::int64_t begun_us, std::int64_t used_us, std::int64_t now_us) {
  return now_us - used_us > SessionTable::kIdleUs || now_us - begun_us > SessionTable::kLongestUs;
}

}  // namespace

std::string SessionTable::Begin(const std::string& user) {
  const std::string secret = RandomText();
  const std::int64_t now_us = clock_.SteadyUs();
  const std::lock_guard lock(mutex_);
  if (sessions_.size() >= kMaxEntries) Sweep(now_us);
  if (sessions_.size() >= kMaxEntries) {
    sessions_.erase(std::ranges::min_element(
        sessions_, {}, [](const auto& entry) { return entry.second.used_us; }));
  }
  sessions_[TokenDigest(secret)] = {
      .session = {.user = user, .csrf = RandomText()}, .begun_us = now_us, .used_us = now_us};
  return secret;
}

std::optional<SessionTable::Session> SessionTable::Find(std::string_view secret, bool use) {
  const std::int64_t now_us = clock_.SteadyUs();
  const std::lock_guard lock(mutex_);
  const auto found = sessions_.find(TokenDigest(secret));
  if (found == sessions_.end()) return std::nullopt;
  if (Over(found->second.begun_us, found->second.used_us, now_us)) {
    sessions_.erase(found);
    return std::nullopt;
  }
  if (use) found->second.used_us = now_us;
  return found->second.session;
}

void SessionTable::End(std::string_view secret) {
  const std::lock_guard lock(mutex_);
  sessions_.erase(TokenDigest(secret));
}

void SessionTable::EndAllOf(std::string_view user) {
  const std::lock_guard lock(mutex_);
  std::erase_if(sessions_, [&](const auto& entry) { return entry.second.session.user == user; });
}

std::int64_t SessionTable::WaitUs(const std::string& who) {
  const std::int64_t now_us = clock_.SteadyUs();
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(who);
  if (found == failures_.end() || found->second.count < kFreeTries) return 0;
  const int doublings = std::min(found->second.count - kFreeTries, 20);
  const std::int64_t wait_us = std::min(1'000'000LL << doublings, 0LL + kLongestWaitUs);
  return std::max<std::int64_t>(0, found->second.last_us + wait_us - now_us);
}

void SessionTable::Failed(const std::string& who) {
  const std::int64_t now_us = clock_.SteadyUs();
  const std::lock_guard lock(mutex_);
  if (failures_.size() >= kMaxEntries) Sweep(now_us);
  if (failures_.size() >= kMaxEntries) {
    failures_.erase(std::ranges::min_element(
        failures_, {}, [](const auto& entry) { return entry.second.last_us; }));
  }
  Failures& failures = failures_[who];
  ++failures.count;
  failures.last_us = now_us;
}

void SessionTable::Succeeded(const std::string& who) {
  const std::lock_guard lock(mutex_);
  failures_.erase(who);
}

void SessionTable::Sweep(std::int64_t now_us) {
  std::erase_if(sessions_, [&](const auto& entry) {
    return Over(entry.second.begun_us, entry.second.used_us, now_us);
  });
  std::erase_if(failures_,
                [&](const auto& entry) { return now_us - entry.second.last_us > kLongestWaitUs; });
}

}  // namespace tocsin
