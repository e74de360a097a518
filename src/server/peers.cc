#include "server/peers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tocsin {
namespace {

constexpr double kSecondUs = 1e6;
constexpr std::string_view kMapped = "::ffff:";  // an IPv4 address in an IPv6 socket

}  // namespace

std::string Peers::KeyOf(std::string_view address) {
  if (address.starts_with(kMapped)) address.remove_prefix(kMapped.size());
  std::string text(address.substr(0, address.find('%')));  // without the zone
  if (text.starts_with("127.") || text == "::1") return {};
  std::array<unsigned char, 16> bytes{};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
  std::array<char, INET6_ADDRSTRLEN> written{};
  ::inet_ntop(AF_INET6, bytes.data(), written.data(), written.size());
  return std::string(written.data()) + "/64";
}

bool Peers::Connect(const std::string& key) {
  if (key.empty() || limits_.connections == 0) return true;
  const std::lock_guard lock(mutex_);
  Peer& peer = peers_[key];
  if (peer.connections >= limits_.connections) return false;
  ++peer.connections;
  return true;
}

void Peers::Disconnect(const std::string& key) {
  if (key.empty() || limits_.connections == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(key);
  if (found == peers_.end()) return;
  --found->second.connections;
  if (Idle(found->second)) peers_.erase(found);
}

void Peers::Refill(Peer& peer, std::int64_t now_us) const {
  const auto most = static_cast<double>(limits_.requests_per_second);
  const double passed = peer.asked ? static_cast<double>(now_us - peer.since_us) : kSecondUs;
  peer.requests = std::min(most, peer.requests + passed / kSecondUs * most);
  peer.since_us = now_us;
  peer.asked = true;
}

bool Peers::Request(const std::string& key, std::int64_t now_us) {
  if (key.empty() || limits_.requests_per_second == 0) return true;
  const std::lock_guard lock(mutex_);
  Forget(now_us);
  Peer& peer = peers_[key];
  Refill(peer, now_us);
  if (peer.requests < 1) return false;
  peer.requests -= 1;
  return true;
}

// Once a second: of who was not here for a second there is nothing to remember.
void Peers::Forget(std::int64_t now_us) {
  constexpr auto kSecond = static_cast<std::int64_t>(kSecondUs);
  if (now_us - forgotten_us_ < kSecond) return;
  forgotten_us_ = now_us;
  for (auto& [key, peer] : peers_) {
    if (!peer.asked || now_us - peer.since_us < kSecond) continue;
    peer.asked = false;
    peer.requests = 0;
  }
  std::erase_if(peers_, [](const auto& each) { return Idle(each.second); });
}

bool Peers::Take(const std::string& key, std::size_t bytes) {
  if (key.empty() || limits_.body_bytes == 0 || bytes == 0) return true;
  const std::lock_guard lock(mutex_);
  Peer& peer = peers_[key];
  if (peer.body_bytes + bytes > limits_.body_bytes) return false;
  peer.body_bytes += bytes;
  return true;
}

void Peers::Release(const std::string& key, std::size_t bytes) {
  if (key.empty() || limits_.body_bytes == 0 || bytes == 0) return;
  const std::lock_guard lock(mutex_);
  const auto found = peers_.find(key);
  if (found == peers_.end()) return;
  found->second.body_bytes -= std::min(bytes, found->second.body_bytes);
  if (Idle(found->second)) peers_.erase(found);
}

std::size_t Peers::size() const {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

}  // namespace tocsin
