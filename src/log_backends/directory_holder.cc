#include "log_backends/directory_holder.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <set>
#include <system_error>

#include "base/file.h"

namespace tocsin {
namespace {

struct HeldDirectories {
  std::mutex mutex;
  std::multiset<std::string> names;
};

HeldDirectories& Held() {
  static HeldDirectories held;
  return held;
}

std::string Canonical(const std::string& directory) {
  std::error_code error;
  const auto path = std::filesystem::weakly_canonical(directory, error);
  return error ? directory : path.string();
}

}  // namespace

DirectoryHold::DirectoryHold(std::string directory) : directory_(Canonical(directory)) {
  const std::lock_guard lock(Held().mutex);
  Held().names.insert(directory_);
}

DirectoryHold::~DirectoryHold() {
  const std::lock_guard lock(Held().mutex);
  Held().names.erase(Held().names.find(directory_));
}

int HolderOf(const std::string& directory) {
  // Under the mutex, so that the lock file is never closed here after this process has locked it.
  const std::lock_guard lock(Held().mutex);
  if (Held().names.contains(Canonical(directory))) return ::getpid();
  const auto file = OpenFile(directory + "/LOCK", O_RDWR);
  if (!file) return 0;
  struct flock probe{};
  probe.l_type = F_WRLCK;
  probe.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_GETLK, &probe) != 0 || probe.l_type == F_UNLCK) return 0;
  return probe.l_pid;
}

}  // namespace tocsin
