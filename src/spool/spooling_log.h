#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/error.h"
#include "log/log.h"

namespace tocsin {

struct SpoolOptions {
  std::string directory;  // of the spool; made when it is needed
  // That may wait in the spool; 0 = no spool, new events wait until the cluster is there.
  std::int64_t max_bytes = 1LL << 30;
  // Of this process: the same after a restart, never of two processes. Names its place in the
  // store "spool" of the cluster.
  std::string name;
  std::int64_t patience_us = 2'000'000;  // a cluster that is away for less is waited for
  // How long the questions of a start (Open(), Topics(), ReadState()) wait; 0 = until it answers.
  std::int64_t connect_timeout_us = 0;
};

// A cluster's log for those who bring new events: while the cluster does not answer, ingest
// transactions go to a spool on this machine's disk and are acknowledged from there; they follow to
// the cluster in their order, each once, and so do those of later transactions until the spool is
// empty. Everything else is the cluster's own.
//
// Each transaction takes a number along in the cluster's keyed state; so a process that is started
// again knows which of those that wait are there already.
//
// Threads: as Log; one of its own drains. Memory: one transaction.
class SpoolingLog : public Log {
 public:
  // `stop` ends waits that have no other end. Errors of the spool: see Spool::Open.
  static Result<std::unique_ptr<SpoolingLog>> Open(std::unique_ptr<Log> cluster,
                                                   const SpoolOptions& options, const Clock& clock,
                                                   std::stop_token stop);

  // Returns when nothing is in the spool; kCancelled, saying how much is, when `stop` was
  // requested.
  virtual Status WaitUntilDrained() = 0;
  virtual std::int64_t spooled_bytes() const = 0;
};

}  // namespace tocsin
