#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace tocsin {

// A temporary file of checksummed blocks. It has no name once it is open, so that it is
// gone with the process, however that ends.
class SpillFile {
 public:
  // Makes the file in `directory`, which must exist. kDiskError.
  static Result<SpillFile> Create(const std::string& directory);

  // Appends a block; returns its position. kDiskError.
  Result<std::uint64_t> AppendBlock(std::span<const std::uint64_t> words) {
    return AppendBytes({reinterpret_cast<const char*>(words.data()), words.size_bytes()});
  }
  Result<std::uint64_t> AppendBytes(std::string_view bytes);
  // Reads the block at `position` into `words`, which has the size it was written with. kDataLoss
  // when the checksum fails.
  Status ReadBlock(std::uint64_t position, std::span<std::uint64_t> words) const {
    return ReadBytes(position, reinterpret_cast<char*>(words.data()), words.size_bytes());
  }
  Status ReadBytes(std::uint64_t position, char* into, std::size_t size) const;

  static constexpr std::uint64_t BlockBytes(std::size_t words) { return (words + 1) * 8; }
  std::uint64_t size() const { return size_; }

 private:
  SpillFile(FileDescriptor fd, std::string directory)
      : fd_(std::move(fd)), directory_(std::move(directory)) {}
  FileDescriptor fd_;
  std::string directory_;
  std::uint64_t size_ = 0;
};

}  // namespace tocsin
