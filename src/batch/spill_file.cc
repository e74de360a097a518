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

std::uint64_t Checksum(std::span<const std::uint64_t> words) {
  return XXH3_64bits(words.data(), words.size_bytes());
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

Result<std::uint64_t> SpillFile::AppendBlock(std::span<const std::uint64_t> words) {
  const std::uint64_t checksum = Checksum(words);
  const std::uint64_t position = size_;
  TOCSIN_TRY(
      WriteAll(fd_.get(), {reinterpret_cast<const char*>(&checksum), sizeof checksum}, directory_));
  TOCSIN_TRY(WriteAll(fd_.get(), {reinterpret_cast<const char*>(words.data()), words.size_bytes()},
                      directory_));
  size_ += BlockBytes(words.size());
  return position;
}

Status SpillFile::ReadBlock(std::uint64_t position, std::span<std::uint64_t> words) const {
  std::uint64_t checksum = 0;
  iovec parts[2] = {{&checksum, sizeof checksum}, {words.data(), words.size_bytes()}};
  const ssize_t expected = static_cast<ssize_t>(BlockBytes(words.size()));
  ssize_t got = 0;
  do {
    got = ::preadv(fd_.get(), parts, 2, static_cast<off_t>(position));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return SpillFailure("read", directory_, errno);
  if (got != expected || checksum != Checksum(words)) {
    return Fail(Code::kDataLoss, "the temporary file for sorting in " + directory_ +
                                     " was damaged at byte " + std::to_string(position) +
                                     "; check the disk and run again");
  }
  return {};
}

}  // namespace tocsin
