#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"
#include "spool/spool_entry.h"

namespace tocsin {

// Transactions that wait on this machine's disk, first in, first out: one topic of an embedded log.
// Thread-safe.
class Spool {
 public:
  // `max_bytes` of entries may wait. kUnavailable when another process has the directory, kDataLoss
  // for damage.
  static Result<std::unique_ptr<Spool>> Open(const std::string& directory, std::int64_t max_bytes,
                                             const Clock& clock);

  // Durable on return. kResourceExhausted while the spool or the disk is full; `always` passes both
  // limits, for the one entry whose fate is open.
  Status Push(const SpoolEntry& entry, bool always);
  // Nothing when none waits.
  Result<std::optional<SpoolEntry>> Front();
  // The first has arrived where it should be. A crash right before may bring it back.
  Status Pop();

  bool empty() const;
  std::int64_t bytes() const;
  std::uint64_t last_sequence() const;  // of those that wait; 0 = none

 private:
  Spool(std::unique_ptr<Log> log, std::int64_t max_bytes)
      : log_(std::move(log)), max_bytes_(max_bytes) {}
  Status Count();

  const std::unique_ptr<Log> log_;
  const std::int64_t max_bytes_;
  mutable std::mutex mutex_;
  std::deque<std::int64_t> sizes_;  // of the entries that wait
  std::int64_t bytes_ = 0;
  std::int64_t front_ = 0;  // offset of the first that waits
  std::uint64_t last_sequence_ = 0;
};

}  // namespace tocsin
