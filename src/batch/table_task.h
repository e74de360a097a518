#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/kept_groups.h"
#include "batch/row_partitioner.h"
#include "batch/tables.h"
#include "model/device_dictionary.h"
#include "model/metric_spec.h"
#include "rule/rule_set.h"

namespace tocsin {

// The second half of the batch job: partitions of rows become the rows of both tables.
class TableTask {
 public:
  struct Shared {
    const RuleSet& rules;
    const std::vector<MetricSpec>& metrics;
    const DeviceDictionary& devices;
    const DeviceDictionary& statuses;
    TableOutput& cleansed;
    TableOutput& aggregates;
    std::uint64_t most_rows;  // that one thread takes into memory at a time
    std::size_t large_bytes;  // for a range of more rows than that
    std::string spill_directory;
    // Called for the devices with rows that were dropped as repeats, in the order of the table,
    // once or more a device.
    std::function<void(std::string_view device, std::uint64_t rows)> repeated = nullptr;
    // The groups that ranges name; with them, cleansed and aggregates have no observer.
    const KeptGroups* kept = nullptr;
    // Called with what stands in the tables of ranges of the division, in their order.
    std::function<Status(const KeptGroup& group)> keep = nullptr;
    std::uint64_t taken_over = 0;  // set by RunAll(): so many ranges were
  };

  // Works on the ranges in `threads` threads and hands their rows to the outputs in the order of
  // the ranges. kCancelled when `stop` is requested; other errors are those of the outputs and of
  // the temporary files.
  static Status RunAll(Shared& shared, std::vector<PartitionRange> ranges, std::size_t threads,
                       const std::stop_token& stop);
};

}  // namespace tocsin
