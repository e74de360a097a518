#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "batch/batch_job.h"
#include "batch/input_list.h"
#include "batch/kept_groups.h"
#include "batch/part_file.h"
#include "batch/row_partitioner.h"
#include "config/settings.h"
#include "model/device_dictionary.h"

namespace tocsin {

// What a run with --since-last leaves behind for the next one, in a file beside the cleansed table:
// how far each input was read and how one recognises it, the balance so far, how long the rejects
// file was, all good rows in compact form, and where the tables hold those of which partitions.
// Checksummed.
struct IncrementalState {
  struct Input {
    std::string name;
    std::uint64_t bytes = 0;  // read so far: whole lines, of a compressed file all of it
    std::uint64_t lines = 0;
    std::uint64_t fingerprint = 0;  // of the first and the last bytes before that
  };
  std::uint64_t settings = 0;  // fingerprint of what decides about a row
  std::uint64_t tables = 0;    // likewise of what the tables are made of given rows by
  std::vector<Input> inputs;
  std::uint64_t rejects_bytes = 0;
  std::uint64_t rows_read = 0;
  std::uint64_t blank_lines = 0;
  std::uint64_t good_rows = 0;
  std::uint64_t rejected[kRejectReasonCount] = {};

  static std::string PathFor(const std::string& cleansed_path);
  static std::uint64_t FingerprintOf(const Settings& settings);

  // The file is written by Write(), WriteGroup() for each group in turn, and PartWriter::Finish().
  // kDiskError.
  static Result<PartWriter> Create(const std::string& path);
  Status Write(PartWriter& out, const DeviceDictionary& devices, const DeviceDictionary& statuses,
               const RowPartitioner& rows) const;
  static Status WriteGroup(PartWriter& out, const KeptGroup& group);
  // Reads what was written into this and, into dictionaries and partitioner without content, the
  // rows. False when there is no file, or it is damaged or of other settings, which is logged with
  // what follows from it. kDiskError is of the partitioner.
  Result<bool> Read(const std::string& path, const Settings& settings, DeviceDictionary& devices,
                    DeviceDictionary& statuses, RowPartitioner& rows);
  // The groups that were read, for KeptGroups; valid as long as this.
  const std::vector<std::string_view>& groups() const { return groups_; }

  // Sets where each input is to be read: only what is new. An input that is not what it was
  // (shorter, or with other bytes) is read from its begin, which is logged. kUsage for one that is
  // no file.
  Status FindNewParts(std::vector<BatchInput>& inputs) const;
  // Remembers that `input` was read to the end of its part, which has `lines` lines. kDiskError.
  Status Remember(const BatchInput& input, std::uint64_t lines);

 private:
  std::optional<PartFile> file_;
  std::vector<std::string_view> groups_;  // in file_
};

}  // namespace tocsin
