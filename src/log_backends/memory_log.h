#pragma once

#include <memory>

#include "base/clock.h"
#include "log/log.h"

namespace tocsin {

// A log in memory, for tests: the same contract as the embedded one, nothing durable, no
// retention of its own. Fault switches make the next operations fail.
class MemoryLog : public Log {
 public:
  // `clock` stamps the batches and must outlive the log.
  static std::unique_ptr<MemoryLog> Make(const Clock& clock);
  // The next `count` commits fail with `code` and leave no trace.
  virtual void FailCommits(int count, Code code) = 0;
  // The next `count` fetches fail with `code`.
  virtual void FailFetches(int count, Code code) = 0;
  // The next `count` questions for the offsets of a partition fail with `code`.
  virtual void FailOffsets(int count, Code code) = 0;
  // Removes the batches that end at or before `offset`, as forced retention does.
  virtual void RemoveBefore(const TopicPartition& partition, std::int64_t offset) = 0;
};

}  // namespace tocsin
