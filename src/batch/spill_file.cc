#include "batch/spill_file.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace tocsin {
namespace {

std::uint64_t Checksum(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::unexpected<Error> SpillFailure(std::string_view action, const std::string& directory,
                                    int error) {
  return Fail(Code::kDiskError, std::string(action) + " a temporary file for sorting in " +
                                    directory + ": " + std::strerror(error) +
                                    "; free some space or raise --memory-limit");
}

}  // namespace

Result<SpillFile> SpillFile::Create(const std::string& directory) {
  const int unnamed = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (unnamed >= 0) return SpillFile(FileDescriptor(unnamed), directory);
  // Not every file system has O_TMPFILE.
  std::string path = directory + "/.tocsin-sort-XXXXXX";
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named < 0) return SpillFailure("make", directory, errno);
  ::unlink(path.c_str());
  return SpillFile(FileDescriptor(named), directory);
}

Result<std::uint64_t> SpillFile::AppendBytes(std::string_view bytes) {
  const std::uint64_t checksum = Checksum(bytes);
  const std::uint64_t position = size_;
  iovec parts[2] = {{const_cast<std::uint64_t*>(&checksum), sizeof checksum},
                    {const_cast<char*>(bytes.data()), bytes.size()}};
  std::size_t left = sizeof checksum + bytes.size();
  for (iovec* part = parts; left > 0;) {
    const ssize_t written = ::writev(fd_.get(), part, static_cast<int>(parts + 2 - part));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SpillFailure("write", directory_, errno);
    left -= static_cast<std::size_t>(written);
    std::size_t done = static_cast<std::size_t>(written);
    for (; part < parts + 2 && done >= part->iov_len; ++part) done -= part->iov_len;
    if (part == parts + 2) break;
    part->iov_base = static_cast<char*>(part->iov_base) + done;
    part->iov_len -= done;
  }
  size_ += sizeof checksum + bytes.size();
  return position;
}

Status SpillFile::ReadBytes(std::uint64_t position, char* into, std::size_t size) const {
  std::uint64_t checksum = 0;
  iovec parts[2] = {{&checksum, sizeof checksum}, {into, size}};
  const ssize_t expected = static_cast<ssize_t>(sizeof checksum + size);
  ssize_t got = 0;
  do {
    got = ::preadv(fd_.get(), parts, 2, static_cast<off_t>(position));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return SpillFailure("read", directory_, errno);
  if (got != expected || checksum != Checksum({into, size})) {
    return Fail(Code::kDataLoss, "the temporary file for sorting in " + directory_ +
                                     " was damaged at byte " + std::to_string(position) +
                                     "; check the disk and run again");
  }
  return {};
}

}  // namespace tocsin
