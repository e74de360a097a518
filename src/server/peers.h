#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace tocsin {

// What one address may hold of the server at one time; 0 = as much as the server has.
struct PeerLimits {
  std::size_t connections = 256;
  std::size_t requests_per_second = 1'000;  // and as many at once after a pause
  std::size_t body_bytes = 64u << 20;
};

// Keeps one sender from taking the server from all others. Addresses of this machine are not
// limited; of IPv6 all of one /64 count as one. An address costs memory while it holds something,
// and a second longer. Threads: any.
class Peers {
 public:
  explicit Peers(const PeerLimits& limits) : limits_(limits) {}

  // How an address counts: "" = not at all. `address` is one as inet_ntop() writes it.
  static std::string KeyOf(std::string_view address);

  // False when the address has as many already; true is to be followed by Disconnect().
  bool Connect(const std::string& key);
  void Disconnect(const std::string& key);
  // False when the address asks too often. `now_us` is of the steady clock.
  bool Request(const std::string& key, std::int64_t now_us);
  // False when its bodies would pass the limit; true is to be followed by Release().
  bool Take(const std::string& key, std::size_t bytes);
  void Release(const std::string& key, std::size_t bytes);

  std::size_t size() const;

 private:
  struct Peer {
    std::size_t connections = 0;
    std::size_t body_bytes = 0;
    double requests = 0;  // that it may still make at `since_us`
    std::int64_t since_us = 0;
    bool asked = false;
  };
  static bool Idle(const Peer& peer) {
    return !peer.asked && peer.connections == 0 && peer.body_bytes == 0;
  }
  void Refill(Peer& peer, std::int64_t now_us) const;
  void Forget(std::int64_t now_us);

  const PeerLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Peer> peers_;
  std::int64_t forgotten_us_ = 0;
};

}  // namespace tocsin
