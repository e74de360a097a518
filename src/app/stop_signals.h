#pragma once

#include <stop_token>
#include <thread>

namespace tocsin {

// SIGINT and SIGTERM for the whole process: the first requests a stop, so that the command
// finishes its batch and commits; the second ends the process at once with exit code 130, which
// is as safe as kill -9. SIGPIPE is ignored: a reader that is gone shows as a failed write.
//
// One object per process.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  void RequestStop() { source_.request_stop(); }

 private:
  std::stop_source source_;
  std::thread watcher_;
};

}  // namespace tocsin
