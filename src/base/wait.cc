#include "base/wait.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace tocsin {

bool WaitUs(std::int64_t duration_us, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait_for(lock, stop, std::chrono::microseconds(duration_us), [] { return false; });
  return !stop.stop_requested();
}

}  // namespace tocsin
