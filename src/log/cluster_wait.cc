#include "log/cluster_wait.h"

#include <algorithm>
#include <string>

#include "base/logging.h"
#include "base/wait.h"

namespace tocsin {
namespace {

constexpr std::string_view kComponent = "kafka";
constexpr std::int64_t kTellUs = 5'000'000;
constexpr std::int64_t kLongestPauseUs = 1'000'000;

}  // namespace

Status ClusterWait::Rest(Error error, std::int64_t begin_us, Pause& pause) const {
  const std::int64_t now_us = clock.SteadyUs();
  const std::int64_t waited_us = now_us - begin_us;
  if (timeout_us > 0 && waited_us >= timeout_us) return std::unexpected(std::move(error));
  if (now_us >= pause.tell_us) {
    pause.tell_us = now_us + kTellUs;
    LogWarning(kComponent, "waiting for Kafka",
               {{"reason", error.message()}, {"seconds", std::to_string(waited_us / 1'000'000)}});
  }
  std::int64_t rest_us = pause.next_us;
  if (timeout_us > 0) rest_us = std::min(rest_us, timeout_us - waited_us);
  pause.next_us = std::min(pause.next_us * 2, kLongestPauseUs);
  if (WaitUs(rest_us, stop)) return {};
  return Fail(Code::kCancelled, "stopped while waiting: " + error.message());
}

}  // namespace tocsin
