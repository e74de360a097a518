#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "log/log.h"

namespace tocsin {

// How far a file has been ingested: committed in the same transaction as its records.
struct InputPosition {
  std::uint64_t device = 0;  // st_dev and st_ino of the file that was read
  std::uint64_t inode = 0;
  std::uint64_t offset = 0;  // behind the last line that was taken
  std::uint64_t line = 0;    // lines before that offset
  // The bytes just before `offset`, at most kTailBytes, as a hash: file systems give the inode of
  // a deleted file to the next one, so identity alone would skip the head of a new file.
  std::uint64_t tail_size = 0;
  std::uint32_t tail_hash = 0;
};

// The state store of the positions; each input has a slot (partition) of its own, made from the
// hash of its real path.
inline constexpr std::string_view kIngestStore = "ingest";

// Remembers the position of one input of one topic.
class PositionKeeper {
 public:
  // `real_path` is the file's canonical path.
  PositionKeeper(Log& log, const std::string& topic, const std::string& real_path);

  // The position that was committed last, or nothing.
  Result<std::optional<InputPosition>> Load();
  // Adds the position to a transaction; now and then the slot is rewritten as a whole.
  void Put(Transaction& transaction, const InputPosition& position);

 private:
  Log& log_;
  std::string key_;
  std::int32_t slot_;
  std::vector<std::pair<std::string, std::string>> neighbours_;  // other inputs in this slot
  unsigned puts_ = 0;
};

// The position of an open file behind `offset` bytes and `line` lines.
Result<InputPosition> MakePosition(int fd, const std::string& name, std::uint64_t offset,
                                   std::uint64_t line);
// True when the file behind `fd` still is the one that `position` tells of.
bool StillAt(int fd, const InputPosition& position);

}  // namespace tocsin
