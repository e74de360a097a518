#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>

#include "base/error.h"
#include "batch/record_source.h"
#include "config/settings.h"
#include "model/event_batch.h"
#include "model/reject_reason.h"

namespace tocsin {

// What was read in all.
struct ReadTotals {
  std::uint64_t events = 0;  // records that were not blank, good or not
  std::uint64_t blank_lines = 0;
  std::uint64_t rejected[kRejectReasonCount] = {};
};

struct PartitionedReaderOptions {
  // Devices are spread over so many partitions; which one a device belongs to depends on its id
  // and on this number alone.
  int partitions = 1;
  int threads = 1;
  // The partition is the one that the log gives the device's key. False: any function of the id,
  // so that the devices of one partition of the log spread, too.
  bool as_in_log = true;
  // From one thread at a time.
  std::function<void(std::uint64_t events, std::uint64_t bytes_done)> progress = {};
};

// Reads a source to its end: parses its records in parallel and hands the good events on by
// partition, in the order of the input (rejected rows may stand among them). `consume` is called
// for one partition by one thread at a time, for different ones at the same time; `sequence` is the
// number, from 0, of each row's record in the whole input, and the events are valid during the
// call. It is not called for a partition without an event in a piece of the input.
//
// Where the input is cut into pieces depends on how the source cuts it, not on the threads.
// Memory: a few pieces of some megabytes a thread.
//
// Errors: those of the source, kCancelled when `stop` is requested.
using ConsumeEvents = std::function<void(int partition, const EventBatch& events,
                                         std::span<const std::int64_t> sequence)>;
Result<ReadTotals> ReadPartitioned(const Settings& settings, RecordSource& source,
                                   const PartitionedReaderOptions& options,
                                   const ConsumeEvents& consume, std::stop_token stop);

}  // namespace tocsin
