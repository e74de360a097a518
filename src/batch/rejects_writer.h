#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "batch/record_source.h"
#include "model/reject_reason.h"

namespace tocsin {

// Writes rejected records as JSON lines:
// {"input","line","offset","reason","message","value"|"value_base64"}, the value in base64 when it
// is not UTF-8. Bounded memory. Not thread-safe.
class RejectsWriter {
 public:
  // Replaces what is at `path`. kDiskError.
  static Result<RejectsWriter> Open(const std::string& path);
  // Appends the line of a rejected record to `lines`. Any thread.
  static void AppendLine(std::string_view input, const RecordChunk::Item& item, RejectReason reason,
                         std::string_view message, std::string& lines);
  Status Add(std::string_view lines);
  // Before the first Add(): the first `bytes` bytes of the file at `path`, an earlier one's.
  // kDataLoss when it is shorter.
  Status CopyHead(const std::string& path, std::uint64_t bytes);
  Status Finish();
  // Written so far, once finished.
  std::uint64_t bytes() const { return bytes_; }

 private:
  RejectsWriter(FileDescriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  FileDescriptor fd_;
  std::string path_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
};

}  // namespace tocsin
