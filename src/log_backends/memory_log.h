#pragma once

#include <memory>

#include "base/clock.h"
#include "log/log.h"

namespace tocsin {

// A log in memory, for tests: the same contract as the embedded one, nothing durable, no
// retention. `clock` must outlive it. Fault switches make the next operations fail.
class MemoryLog : public Log {
 public:
  static std::unique_ptr<MemoryLog> Make(const Clock& clock);
  // The next `count` commits fail with `code` and leave no trace.
  virtual void FailCommits(int count, Code code) = 0;
  // The next `count` fetches fail with `code`.
  virtual void FailFetches(int count, Code code) = 0;
};

}  // namespace tocsin
