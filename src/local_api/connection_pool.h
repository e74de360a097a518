#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace tocsin {

// A connection to the instance that listens on `path`. kUnavailable when nobody does, or another
// user's process.
Result<FileDescriptor> Dial(const std::string& path);

// Sends one request and waits for the first frame of its answer; gives it without the code, or the
// error that it carries. kUnavailable when the connection breaks.
Result<std::string> Exchange(int fd, std::string_view request);

// Connections to one instance. Each call has one for itself, so a long wait delays nobody.
// Thread-safe.
class ConnectionPool {
 public:
  explicit ConnectionPool(std::string path) : path_(std::move(path)) {}

  // An idle connection or a new one.
  Result<FileDescriptor> Take();
  // For a connection on which nothing is under way.
  void GiveBack(FileDescriptor fd);
  // Exchange on a connection of the pool.
  Result<std::string> Call(std::string_view request);

 private:
  const std::string path_;
  std::mutex mutex_;
  std::vector<FileDescriptor> idle_;
};

}  // namespace tocsin
