#include "batch/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"

namespace tocsin {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".tmp";

// ".cleansed.parquet." + pid + "-" + number + ".tmp": hidden, and no pattern like *.parquet or
// *.jsonl takes it for a table.
std::string TemporaryPrefix(const std::string& path) {
  std::string prefix(1, '.');
  prefix += fs::path(path).filename().string();
  return prefix += '.';
}

bool ProcessLives(std::string_view digits) {
  pid_t pid = 0;
  const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), pid).ptr;
  if (end == digits.data() || pid <= 0) return true;
  return ::kill(pid, 0) == 0 || errno != ESRCH;
}

void RemoveLeftovers(const std::string& path) {
  const std::string prefix = TemporaryPrefix(path);
  std::error_code error;
  std::vector<fs::path> dead;
  for (fs::directory_iterator at(DirectoryOf(path), error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix)) continue;
    if (!ProcessLives(std::string_view(name).substr(prefix.size()))) dead.push_back(at->path());
  }
  for (const fs::path& file : dead) fs::remove(file, error);
}

}  // namespace

Result<OutputFile> OutputFile::Create(const std::string& path) {
  TOCSIN_TRY(MakeDirectories(DirectoryOf(path)));
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) {
    return Fail(Code::kDiskError, "output " + path + " is a directory; name a file");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) return OutputFile(path, path);
  RemoveLeftovers(path);
  static std::atomic<unsigned> number{0};
  std::string temporary = DirectoryOf(path) + "/" + TemporaryPrefix(path) +
                          std::to_string(::getpid()) + "-" + std::to_string(number++) +
                          std::string(kSuffix);
  auto made = OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC);
  if (!made) return Fail(Code::kDiskError, "output cannot be written: " + made.error().message());
  return OutputFile(path, std::move(temporary));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

OutputFile& OutputFile::operator=(OutputFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

OutputFile::~OutputFile() {
  if (!temporary_.empty() && temporary_ != path_) ::unlink(temporary_.c_str());
}

Status OutputFile::Sync() {
  if (temporary_ == path_) return {};
  TOCSIN_ASSIGN(const FileDescriptor fd, OpenFile(temporary_, O_RDONLY));
  return SyncFile(fd.get(), temporary_);
}

Status OutputFile::Publish() {
  if (temporary_ != path_) TOCSIN_TRY(PublishFile(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace tocsin
