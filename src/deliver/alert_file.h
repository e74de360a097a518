#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "deliver/alert_log_stage.h"
#include "deliver/leftover_lines.h"

namespace tocsin {

// The alert log on disk: one file that grows, its rotated predecessors, and what a crash left in
// them. Knows nothing of records and offsets.
//
// Every error is kDiskError and names the path. Threads: none but the owner's.
class AlertFile {
 public:
  // Identifies a file and how much of it is committed.
  struct Position {
    std::uint64_t inode = 0;
    std::int64_t size = 0;
    std::uint64_t mark = 0;  // hash of the last bytes before `size`: inodes are used again
    bool operator==(const Position&) const = default;
  };

  explicit AlertFile(AlertLogOptions options) : options_(std::move(options)) {}

  // Opens the file, made when missing with its directory.
  Status Open();
  // Adds the complete lines beyond `committed` (all lines, when nothing is) to `leftover`, makes
  // them durable and cuts off a torn last line. The file is open afterwards.
  Status Recover(const std::optional<Position>& committed, LeftoverLines& leftover);

  // To be called before the first write of a transaction: goes on in a new file when others moved
  // this one, and rotates when it is large.
  Status BeginTransaction();
  Status Append(std::string_view bytes);
  // Everything appended is durable on return; gives the position to commit.
  Result<Position> Sync();

 private:
  // Where reading a file's tail ended.
  struct Tail {
    std::int64_t lines_end = 0;  // behind the last line feed
    bool torn = false;           // more bytes follow
    bool looks_ours = false;     // they begin like an alert record
  };

  // Inode and length only.
  Result<std::optional<Position>> Look(const std::string& path) const;
  Result<Tail> ReadTail(const std::string& path, std::int64_t from, LeftoverLines& leftover) const;
  Status RecoverMoved(const Position& committed, LeftoverLines& leftover);
  Result<bool> BeginsWith(const std::string& path, const Position& committed) const;
  Status MendTornLine(const Tail& tail, bool certain);
  Status Rotate();
  Status Rename(const std::string& from, const std::string& to);
  std::string Rotated(std::int64_t number) const {
    return options_.path + "." + std::to_string(number);
  }
  Status Step(std::string_view step) const {
    return options_.fault ? options_.fault(step) : Status();
  }

  const AlertLogOptions options_;
  FileDescriptor fd_;
};

}  // namespace tocsin
