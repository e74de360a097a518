#pragma once

#include <memory>

#include "log/log.h"

namespace tocsin {

// A consumer that owns every partition of its topic, built on Fetch and WaitForAppend: for the
// backends in which one process holds the whole log. Takes turns between partitions, so that none
// starves. `log` must outlive it.
Result<std::unique_ptr<Consumer>> MakeDirectConsumer(Log& log, const ConsumerOptions& options);

}  // namespace tocsin
