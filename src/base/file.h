#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

// The only ways this program writes files, so that a crash at any instant leaves either the old
// content or the new. Errors: kNotFound for a missing file, kDiskError for everything that a
// write, fsync or rename answers; the message names the path and the system's reason.
namespace tocsin {

// An open file descriptor, closed with the object.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { Close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Close();

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC added. kNotFound when it does not exist, kDiskError otherwise.
Result<FileDescriptor> OpenFile(const std::string& path, int flags, unsigned mode = 0644);
// Writes all of `bytes`, going on after short writes and EINTR.
Status WriteAll(int fd, std::string_view bytes, const std::string& path);
// fsync(2). A failure is final: the kernel may have dropped the dirty pages.
Status SyncFile(int fd, const std::string& path);
// Makes a rename or a create inside `directory` durable.
Status SyncDirectory(const std::string& directory);
// mkdir -p.
Status MakeDirectories(const std::string& directory);

Result<std::string> ReadWholeFile(const std::string& path);
// Replaces `path` by a file with `bytes`: temporary file beside it, fsync, rename, fsync of the
// directory. Readers see the old file or the new one.
Status ReplaceFile(const std::string& path, std::string_view bytes);
// The second half of ReplaceFile, for a temporary file written by others (Parquet): fsync,
// rename to `path`, fsync of the directory. Both paths are in one directory.
Status PublishFile(const std::string& temporary, const std::string& path);

// The directory part of `path`; "." when it has none.
std::string DirectoryOf(const std::string& path);

}  // namespace tocsin
