#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "metrics/metrics.h"
#include "server/peers.h"

namespace tocsin {

class ConnectionPlace;

// The connections that may be open at one time, of all addresses and of each. Threads: any.
class ConnectionPlaces {
 public:
  ConnectionPlaces(Peers& peers, Metrics& metrics, std::size_t most)
      : peers_(peers), metrics_(metrics), most_(most) {}

  // Null when all are taken, or all that the address may have.
  std::unique_ptr<ConnectionPlace> Take(std::string address);

 private:
  friend class ConnectionPlace;
  void Count(std::size_t now) {
    metrics_.Set(Metric::kHttpConnections, static_cast<std::int64_t>(now));
  }

  Peers& peers_;
  Metrics& metrics_;
  const std::size_t most_;
  std::atomic<std::size_t> taken_{0};
};

// One of them, as long as the object lives.
class ConnectionPlace {
 public:
  ConnectionPlace(ConnectionPlaces& places, std::string address, std::string key)
      : places_(places), address_(std::move(address)), key_(std::move(key)) {}
  ConnectionPlace(const ConnectionPlace&) = delete;
  ConnectionPlace& operator=(const ConnectionPlace&) = delete;
  ~ConnectionPlace() {
    places_.Count(--places_.taken_);
    places_.peers_.Disconnect(key_);
  }
  const std::string& address() const { return address_; }
  const std::string& key() const { return key_; }  // of Peers

 private:
  ConnectionPlaces& places_;
  const std::string address_;
  const std::string key_;
};

inline std::unique_ptr<ConnectionPlace> ConnectionPlaces::Take(std::string address) {
  std::string key = Peers::KeyOf(address);
  if (!peers_.Connect(key)) return nullptr;
  auto place = std::make_unique<ConnectionPlace>(*this, std::move(address), std::move(key));
  const std::size_t now = ++taken_;
  Count(now);
  return now > most_ ? nullptr : std::move(place);
}

}  // namespace tocsin
