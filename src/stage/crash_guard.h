#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace tocsin {

// Remembers across crashes what a stage was processing, so that a record that kills the process
// again and again is found and set aside instead of stopping the pipeline for good.
//
// Before Stage::Process the runner enters the offsets in hand, after it leaves. When the process
// dies in between, the next run is *careful* with those offsets: it processes them one by one, so
// that the next crash names the record. A crash of the range counts for the record that is found
// in it; at kMaxCrashes the runner sends the record to the dead letters. Dying anywhere else
// (polling, committing) counts for nothing.
//
// The file, in native byte order, is mapped shared and never synced: it survives the process, not
// the machine, and a power cut names no culprit. All of it is 64-byte lines:
//   line 0      magic "TOCSINCG", u64 hash of the owner (group and topic), u32 phase
//               (0 outside, 1 inside Stage::Process), i32 partition, i64 first, i64 end of the
//               offsets in hand
//   line 1..64  a range to be careful with: u32 in use, i32 partition, i64 first, i64 end,
//               i64 suspect (the record that crashed alone; -1 = not found yet), u32 crashes
// A file of another size, magic or owner is started anew.
//
// Threads: the runner's only. One process at a time uses the file; the log's lock sees to that.
class CrashGuard {
 public:
  static constexpr std::uint32_t kMaxCrashes = 3;

  // Opens or makes the file and takes in what the last run left. kDiskError names the path.
  static Result<std::unique_ptr<CrashGuard>> Open(const std::string& path, std::string_view owner);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

  // Around Stage::Process, with the offsets [first, end) in hand.
  void Enter(std::int32_t partition, std::int64_t first, std::int64_t end);
  void Leave();

  // Records before this offset are processed one by one; INT64_MIN when there is no need.
  std::int64_t CarefulUntil(std::int32_t partition) const;
  // How often processing this very record ended the process.
  std::uint32_t Crashes(std::int32_t partition, std::int64_t offset) const;
  // Everything before `next_offset` is committed: ends the care for a range behind it.
  void Committed(std::int32_t partition, std::int64_t next_offset);

 private:
  struct Layout;
  struct Range;
  CrashGuard(Layout* layout) : layout_(layout) {}
  void TakeIn();
  Range* Find(std::int32_t partition) const;
  Range& FindOrTake(std::int32_t partition);

  Layout* layout_;
};

}  // namespace tocsin
