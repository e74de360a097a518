#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>

#include "server/peers.h"

namespace tocsin {

// The memory that bodies of requests may take, of all addresses and of each. Threads: any.
class BodyBudget {
 public:
  BodyBudget(Peers& peers, std::size_t most) : peers_(peers), most_(most) {}

 private:
  friend class BodyMemory;
  Peers& peers_;
  const std::size_t most_;
  std::atomic<std::size_t> bytes_{0};
};

// A share of it, held as long as the object lives. Threads: one owner.
class BodyMemory {
 public:
  BodyMemory() = default;
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  ~BodyMemory() {
    if (budget_ == nullptr) return;
    budget_->bytes_ -= bytes_;
    budget_->peers_.Release(peer_, bytes_);
  }
  // Once. False when the bytes of all, or of the peer, would be too many; nothing is held then.
  bool Take(BodyBudget& budget, std::string peer, std::size_t bytes) {
    if (!budget.peers_.Take(peer, bytes)) return false;
    if (budget.bytes_.fetch_add(bytes) + bytes > budget.most_) {
      budget.bytes_ -= bytes;
      budget.peers_.Release(peer, bytes);
      return false;
    }
    budget_ = &budget;
    peer_ = std::move(peer);
    bytes_ = bytes;
    return true;
  }

 private:
  BodyBudget* budget_ = nullptr;
  std::string peer_;
  std::size_t bytes_ = 0;
};

}  // namespace tocsin
