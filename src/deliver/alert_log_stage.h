#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "stage/stage.h"

namespace tocsin {

struct AlertLogOptions {
  std::string path;
  std::int64_t max_bytes = 64LL << 20;  // rotated to path.1, path.2 … from there on; 0 = never
  std::int64_t keep = 5;                // rotated files kept
  // Tests: called before and after each effect on the file system with the name of the step; an
  // error is what the death of the process at this instant would be.
  std::function<Status(std::string_view step)> fault;
};

// Writes each record of iot.alerts as one line of a file: fsync before the offsets are committed,
// and no line twice after kill -9.
//
// Inode and length of the file are keyed state, committed with the offsets. What a crash left
// beyond them is compared with the records that follow the committed offsets, and counts as
// written where it is equal; a torn last line is cut off and written again. A file that others
// moved away or shortened is left alone, and a new one begun where it was.
//
// A transaction is never split over two files, so a file may pass `max_bytes` by one transaction.
// Alerts of several partitions interleave in the order in which they are read. A line feed inside
// a record is written as a space.
//
// Errors: kDiskError names the path.
class AlertLogStage : public Stage {
 public:
  // Makes the directory and the file when they are missing.
  static Result<std::unique_ptr<AlertLogStage>> Make(AlertLogOptions options);
  virtual std::uint64_t lines_written() const = 0;  // by this object; any thread
};

}  // namespace tocsin
