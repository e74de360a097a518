#pragma once

#include <cstdint>
#include <string>

#include "app/session.h"

namespace tocsin {

struct UpOptions {
  bool demo = false;
  double rate = 20;  // of the demo, events/s
  // Of the demo: so that alerts and dead letters show within seconds.
  std::string faults = "spike=0.01,drift=0.001,malformed=0.005";
  std::int64_t run_for_us = 0;  // 0 = until stopped
};

// `tocsin up`: generator (with demo), processor, alert log, periodic batch, the local socket and
// the HTTP server on one data directory, until a stop is requested. Then in order: no new events,
// what came is processed, alerts are written, the tables are refreshed, the log is closed, and the
// balance is printed. A disk error in any part ends all of it with that error.
Result<int> RunUp(Session& session, const UpOptions& options);

}  // namespace tocsin
