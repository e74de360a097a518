#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "stage/stage.h"

namespace tocsin {

struct AlertLogOptions {
  std::string path;
  std::int64_t max_bytes = 64LL << 20;  // rotated to path.1, path.2 … beyond it
  std::int64_t keep = 5;                // rotated files kept
};

// Writes each record of iot.alerts as one line of a file: fsync before the offsets are committed,
// and no line twice after kill -9. The length and inode of the file are keyed state; what a crash
// left beyond them is compared with the records that follow the committed offset, and counts as
// written where it is equal. A torn last line is completed.
//
// Alerts of several partitions interleave in the order in which they are read.
class AlertLogStage : public Stage {
 public:
  static Result<std::unique_ptr<AlertLogStage>> Make(AlertLogOptions options);
  virtual std::uint64_t lines_written() const = 0;  // any thread
};

}  // namespace tocsin
