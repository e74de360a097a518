#pragma once

#include <atomic>
#include <cstddef>

namespace tocsin {

// A share of the memory for bodies, held as long as the object lives. Threads: the counter is
// shared, an object has one owner.
class BodyMemory {
 public:
  BodyMemory() = default;
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  ~BodyMemory() {
    if (counter_ != nullptr) *counter_ -= bytes_;
  }
  // Once. False when `counter`, the bytes of all, would pass `most`; nothing is held then.
  bool Take(std::atomic<std::size_t>& counter, std::size_t bytes, std::size_t most) {
    if (counter.fetch_add(bytes) + bytes > most) {
      counter -= bytes;
      return false;
    }
    counter_ = &counter;
    bytes_ = bytes;
    return true;
  }

 private:
  std::atomic<std::size_t>* counter_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tocsin
