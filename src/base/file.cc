#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace tocsin {
namespace {

std::unexpected<Error> SystemFailure(std::string_view action, const std::string& path, int error) {
  const Code code = error == ENOENT ? Code::kNotFound : Code::kDiskError;
  return Fail(code, std::string(action) + " " + path + ": " + std::strerror(error));
}

}  // namespace

void FileDescriptor::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<FileDescriptor> OpenFile(const std::string& path, int flags, unsigned mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return SystemFailure("open", path, errno);
  return FileDescriptor(fd);
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemFailure("write", path, errno);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status SyncFile(int fd, const std::string& path) {
  if (::fsync(fd) != 0) return SystemFailure("fsync", path, errno);
  return {};
}

Status SyncDirectory(const std::string& directory) {
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(directory, O_RDONLY | O_DIRECTORY));
  return SyncFile(fd.get(), directory);
}

Status MakeDirectories(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Fail(Code::kDiskError, "mkdir " + directory + ": " + error.message());
  return {};
}

Result<std::string> ReadWholeFile(const std::string& path) {
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(path, O_RDONLY));
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count == 0) return bytes;
    if (count < 0) {
      if (errno == EINTR) continue;
      return SystemFailure("read", path, errno);
    }
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

Status ReplaceFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC));
    TOCSIN_TRY(WriteAll(fd.get(), bytes, temporary));
  }
  return PublishFile(temporary, path);
}

Status PublishFile(const std::string& temporary, const std::string& path) {
  {
    TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(temporary, O_RDONLY));
    TOCSIN_TRY(SyncFile(fd.get(), temporary));
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return SystemFailure("rename", path, errno);
  return SyncDirectory(DirectoryOf(path));
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace tocsin
