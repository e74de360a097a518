#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace tocsin {

// A file of parts of several kinds, each with its checksum, written once from begin to end: magic,
// then parts of varint size, bytes (the first one is the kind) and XXH3-64 of the bytes. A part
// without bytes is the end.
//
// Threads: one at a time.
class PartWriter {
 public:
  // Replaces what is at `path`. kDiskError, here and below.
  static Result<PartWriter> Create(const std::string& path, std::string_view magic);

  Status Put(char kind, std::string_view bytes);
  // The file is whole. Once, after the last part.
  Status Finish();

 private:
  PartWriter(FileDescriptor fd, std::string path, std::string_view magic)
      : fd_(std::move(fd)), path_(std::move(path)), out_(magic) {}
  Status Flush();

  FileDescriptor fd_;
  std::string path_;
  std::string out_;  // not yet in the file
};

// Such a file as memory, which its pages come into as they are read and leave again. Immutable.
class PartFile {
 public:
  struct Part {
    char kind = 0;
    std::string_view bytes;  // kSlack bytes behind them are readable
  };
  static constexpr std::size_t kSlack = sizeof(std::uint64_t);

  // Reads all of it and checks it. kNotFound, kDataLoss with the reason.
  static Result<PartFile> Open(const std::string& path, std::string_view magic);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&& other) noexcept;
  ~PartFile();

  const std::vector<Part>& parts() const { return parts_; }
  // The parts are hardly read any more: their pages leave the memory until they are.
  void LetGo() const;

 private:
  explicit PartFile(std::string_view mapped) : mapped_(mapped) {}

  std::string_view mapped_;
  std::vector<Part> parts_;
};

}  // namespace tocsin
