#pragma once

#include <string>

#include "log_backends/embedded_log.h"

namespace tocsin {

// Marks `directory` as held by this process while the object lives, for HolderOf(): POSIX locks
// do not show a process its own, and opening and closing the lock file would even drop it.
class DirectoryHold {
 public:
  explicit DirectoryHold(std::string directory);
  ~DirectoryHold();
  DirectoryHold(const DirectoryHold&) = delete;
  DirectoryHold& operator=(const DirectoryHold&) = delete;

 private:
  std::string directory_;
};

}  // namespace tocsin
