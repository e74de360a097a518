#pragma once

#include <functional>
#include <mutex>
#include <stop_token>
#include <utility>

namespace tocsin {

// Ends one wait of the runner from another thread, or when the whole run is to stop. A wake that
// comes while nobody waits ends the next wait at once.
//
// Threads: Wake() from any; the rest by the runner's.
class Waker {
 public:
  // `stop` wakes too.
  explicit Waker(std::stop_token stop) : on_stop_(std::move(stop), [this] { Wake(); }) {}

  // The token of the wait that comes next.
  std::stop_token token() const {
    const std::lock_guard lock(mutex_);
    return source_.get_token();
  }
  // To be called after each wait, before looking for what the wake was about.
  void Rearm() {
    const std::lock_guard lock(mutex_);
    if (source_.stop_requested()) source_ = std::stop_source();
  }
  void Wake() {
    std::stop_source source(std::nostopstate);
    {
      const std::lock_guard lock(mutex_);
      source = source_;
    }
    source.request_stop();  // its callbacks run without the lock
  }

 private:
  mutable std::mutex mutex_;
  std::stop_source source_;
  std::stop_callback<std::function<void()>> on_stop_;
};

// Where others find the waker of a runner, for as long as it waits: may outlive the runner.
class WakerSlot {
 public:
  void Offer(Waker* waker) {
    const std::lock_guard lock(mutex_);
    waker_ = waker;
  }
  void Wake() {
    const std::lock_guard lock(mutex_);
    if (waker_ != nullptr) waker_->Wake();
  }

 private:
  std::mutex mutex_;
  Waker* waker_ = nullptr;
};

}  // namespace tocsin
