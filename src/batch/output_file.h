#pragma once

#include <string>

#include "base/error.h"

namespace tocsin {

// A file that appears at its path whole or not at all. Its content is written to a temporary file
// in the same directory, which replaces the file at the path by Publish() and is removed when the
// object goes without it. A path that is a device or a pipe is written directly.
//
// Temporary files that a killed run left behind are removed when the next run makes its own.
class OutputFile {
 public:
  // Makes the directory when it is missing. kDiskError naming the path; so for a directory there.
  static Result<OutputFile> Create(const std::string& path);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&& other) noexcept;

  const std::string& path() const { return path_; }
  // Where to write.
  const std::string& temporary() const { return temporary_; }

  // Makes the written bytes durable under the temporary name.
  Status Sync();
  // Moves the file to its path, durably.
  Status Publish();

 private:
  OutputFile(std::string path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::string path_;
  std::string temporary_;  // path_ itself for a device; empty once published
};

}  // namespace tocsin
