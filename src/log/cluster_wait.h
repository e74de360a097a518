#pragma once

#include <cstdint>
#include <stop_token>
#include <utility>

#include "base/clock.h"
#include "base/error.h"

namespace tocsin {

// How long a command that is starting waits for a cluster that does not answer.
struct ClusterWait {
  const Clock& clock;
  std::int64_t timeout_us = 0;  // of each call; 0 = until `stop`
  std::stop_token stop;

  // Repeats `attempt`, with a growing pause and a message every few seconds, while its error is
  // kUnavailable. That error after the timeout; kCancelled when `stop` is requested.
  template <class Attempt>
  auto Until(Attempt attempt) const -> decltype(attempt()) {
    const std::int64_t begin_us = clock.SteadyUs();
    Pause pause{.tell_us = begin_us + kFirstWordUs};
    for (;;) {
      auto result = attempt();
      if (result || result.error().code() != Code::kUnavailable) return result;
      TOCSIN_TRY(Rest(std::move(result).error(), begin_us, pause));
    }
  }

 private:
  static constexpr std::int64_t kFirstWordUs = 1'000'000;
  static constexpr std::int64_t kFirstPauseUs = 50'000;
  struct Pause {
    std::int64_t tell_us = 0;
    std::int64_t next_us = kFirstPauseUs;
  };
  // The error to end with, or nothing after the pause.
  Status Rest(Error error, std::int64_t begin_us, Pause& pause) const;
};

}  // namespace tocsin
