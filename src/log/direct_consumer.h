#pragma once

#include <memory>

#include "log/log.h"

namespace tocsin {

// A consumer that owns every partition of its topic, built on Fetch and WaitForAppend: for the
// backends in which one process holds the whole log. Takes turns between partitions, so that none
// starves. `log` must outlive it.
//
// The first Poll reports every partition as assigned and does not wait. Records that were removed
// before they were read (forced retention, a repaired log) are passed over with a warning in the
// log of the process. kDataLoss when the group has read further than the log reaches.
Result<std::unique_ptr<Consumer>> MakeDirectConsumer(Log& log, const ConsumerOptions& options);

}  // namespace tocsin
