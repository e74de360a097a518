#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "batch/batch_job.h"
#include "batch/input_list.h"
#include "batch/row_partitioner.h"
#include "config/settings.h"
#include "model/device_dictionary.h"

namespace tocsin {

// What a run with --since-last leaves behind for the next one, in a file beside the cleansed table:
// how far each input was read and how one recognises it, the balance so far, how long the rejects
// file was, and all good rows in compact form. Checksummed.
struct IncrementalState {
  struct Input {
    std::string name;
    std::uint64_t bytes = 0;  // read so far: whole lines, of a compressed file all of it
    std::uint64_t lines = 0;
    std::uint64_t fingerprint = 0;  // of the first and the last bytes before that
  };
  std::uint64_t settings = 0;  // fingerprint of what decides about a row
  std::vector<Input> inputs;
  std::uint64_t rejects_bytes = 0;
  std::uint64_t rows_read = 0;
  std::uint64_t blank_lines = 0;
  std::uint64_t good_rows = 0;
  std::uint64_t rejected[kRejectReasonCount] = {};

  static std::string PathFor(const std::string& cleansed_path);
  static std::uint64_t FingerprintOf(const Settings& settings);

  // Writes the state and the rows to `path`. kDiskError.
  Status Write(const std::string& path, const DeviceDictionary& devices,
               const DeviceDictionary& statuses, const RowPartitioner& rows) const;
  // Reads what Write wrote into this and, into dictionaries and partitioner without content, the
  // rows. False when there is no file, or it is damaged or of other settings, which is logged with
  // what follows from it. kDiskError is of the partitioner.
  Result<bool> Read(const std::string& path, const Settings& settings, DeviceDictionary& devices,
                    DeviceDictionary& statuses, RowPartitioner& rows);

  // Sets where each input is to be read: only what is new. An input that is not what it was
  // (shorter, or with other bytes) is read from its begin, which is logged. kUsage for one that is
  // no file.
  Status FindNewParts(std::vector<BatchInput>& inputs) const;
  // Remembers that `input` was read to the end of its part, which has `lines` lines. kDiskError.
  Status Remember(const BatchInput& input, std::uint64_t lines);
};

}  // namespace tocsin
