#include "deliver/alert_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tocsin {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::int64_t kMarkBytes = 128;

std::unexpected<Error> DiskFailure(std::string_view action, const std::string& path) {
  return Fail(Code::kDiskError,
              "alert log: " + std::string(action) + " " + path + ": " + std::strerror(errno));
}

// Whatever the code, a file that is not there when we write to it is a disk error.
Status AsDiskError(Status status) {
  if (status) return {};
  return Fail(Code::kDiskError, "alert log: " + status.error().message());
}

Result<FileDescriptor> OpenOnDisk(const std::string& path, int flags) {
  auto opened = OpenFile(path, flags);
  if (!opened) return Fail(Code::kDiskError, "alert log: " + opened.error().message());
  return opened;
}

// The hash of the last kMarkBytes before `size`.
Result<std::uint64_t> MarkOf(int fd, std::int64_t size, const std::string& path) {
  char bytes[kMarkBytes];
  const std::int64_t from = std::max<std::int64_t>(0, size - kMarkBytes);
  const ssize_t count = ::pread(fd, bytes, static_cast<std::size_t>(size - from), from);
  if (count < 0) return DiskFailure("read", path);
  return XXH3_64bits(bytes, static_cast<std::size_t>(count));
}

}  // namespace

Status AlertFile::Open() {
  const std::string directory = DirectoryOf(options_.path);
  TOCSIN_TRY(AsDiskError(MakeDirectories(directory)));
  TOCSIN_ASSIGN(fd_, OpenOnDisk(options_.path, O_RDWR | O_APPEND | O_CREAT));
  return AsDiskError(SyncDirectory(directory));
}

// The file's identity and present length, or nothing when it does not exist.
Result<std::optional<AlertFile::Position>> AlertFile::Look(const std::string& path) const {
  struct stat status = {};
  if (::stat(path.c_str(), &status) == 0) return Position{status.st_ino, status.st_size, 0};
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return DiskFailure("look at", path);
}

// True when the file at `path` still holds what was committed.
Result<bool> AlertFile::BeginsWith(const std::string& path, const Position& committed) const {
  TOCSIN_ASSIGN(const auto present, Look(path));
  if (!present || present->inode != committed.inode || present->size < committed.size) return false;
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenOnDisk(path, O_RDONLY));
  TOCSIN_ASSIGN(const std::uint64_t mark, MarkOf(fd.get(), committed.size, path));
  return mark == committed.mark;
}

Result<AlertFile::Tail> AlertFile::ReadTail(const std::string& path, std::int64_t from,
                                            LeftoverLines& leftover) const {
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenOnDisk(path, O_RDONLY));
  Tail tail{.lines_end = from, .torn = false, .looks_ours = false};
  std::string pending;
  std::string buffer(kReadBytes, '\0');
  for (std::int64_t at = from;;) {
    const ssize_t count = ::pread(fd.get(), buffer.data(), buffer.size(), at);
    if (count < 0) {
      if (errno == EINTR) continue;
      return DiskFailure("read", path);
    }
    if (count == 0) break;
    at += count;
    pending.append(buffer, 0, static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      leftover.Add(std::string_view(pending).substr(begin, end - begin));
    }
    tail.lines_end += static_cast<std::int64_t>(begin);
    pending.erase(0, begin);
  }
  tail.torn = !pending.empty();
  tail.looks_ours = pending.starts_with('{');
  if (tail.lines_end > from) TOCSIN_TRY(AsDiskError(SyncFile(fd.get(), path)));
  return tail;
}

// The committed file under another name: it was rotated, by us or by others, before the process
// died.
Status AlertFile::RecoverMoved(const Position& committed, LeftoverLines& leftover) {
  for (std::int64_t i = 1; i <= options_.keep; ++i) {
    TOCSIN_ASSIGN(const bool found, BeginsWith(Rotated(i), committed));
    if (!found) continue;
    TOCSIN_TRY(ReadTail(Rotated(i), committed.size, leftover));
    return {};
  }
  return {};
}

Status AlertFile::Recover(const std::optional<Position>& committed, LeftoverLines& leftover) {
  TOCSIN_TRY(Open());
  TOCSIN_ASSIGN(const auto present, Look(options_.path));
  if (!present) return {};  // taken away in this instant: the next transaction makes a new one
  bool grown = false;
  if (committed) {
    TOCSIN_ASSIGN(grown, BeginsWith(options_.path, *committed));
  }
  TOCSIN_ASSIGN(const Tail tail, ReadTail(options_.path, grown ? committed->size : 0, leftover));
  TOCSIN_TRY(MendTornLine(tail, grown));
  return committed && !grown ? RecoverMoved(*committed, leftover) : Status();
}

// A fragment that may be someone else's gets a line end instead.
Status AlertFile::MendTornLine(const Tail& tail, bool certain) {
  if (!tail.torn) return {};
  if (!certain && !tail.looks_ours) return Append("\n");
  if (::ftruncate(fd_.get(), tail.lines_end) != 0) {
    return DiskFailure("cut the torn line of", options_.path);
  }
  return {};
}

Status AlertFile::BeginTransaction() {
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) return DiskFailure("look at", options_.path);
  TOCSIN_ASSIGN(const auto present, Look(options_.path));
  if (!present || present->inode != status.st_ino) return Open();
  if (options_.max_bytes > 0 && present->size >= options_.max_bytes) return Rotate();
  return {};
}

Status AlertFile::Append(std::string_view bytes) {
  TOCSIN_TRY(Step("append"));
  TOCSIN_TRY(AsDiskError(WriteAll(fd_.get(), bytes, options_.path)));
  return Step("appended");
}

Result<AlertFile::Position> AlertFile::Sync() {
  TOCSIN_TRY(AsDiskError(SyncFile(fd_.get(), options_.path)));
  struct stat status = {};
  if (::fstat(fd_.get(), &status) != 0) return DiskFailure("look at", options_.path);
  TOCSIN_ASSIGN(const std::uint64_t mark, MarkOf(fd_.get(), status.st_size, options_.path));
  TOCSIN_TRY(Step("synced"));
  return Position{status.st_ino, status.st_size, mark};
}

Status AlertFile::Rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return DiskFailure("rotate", from);
  return Step("renamed");
}

Status AlertFile::Rotate() {
  TOCSIN_TRY(Step("rotate"));
  if (options_.keep <= 0) {
    if (::unlink(options_.path.c_str()) != 0) return DiskFailure("remove", options_.path);
    TOCSIN_TRY(Step("removed"));
    return Open();
  }
  // Only up to the first gap: a crash in the middle of an earlier rotation left one, and what is
  // above it has moved already.
  std::int64_t last = 1;
  for (; last < options_.keep; ++last) {
    TOCSIN_ASSIGN(const auto found, Look(Rotated(last)));
    if (!found) break;
  }
  for (std::int64_t i = last; i > 1; --i) TOCSIN_TRY(Rename(Rotated(i - 1), Rotated(i)));
  TOCSIN_TRY(Rename(options_.path, Rotated(1)));
  TOCSIN_TRY(Open());
  return Step("rotated");
}

}  // namespace tocsin
