#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/random.h"

namespace rocksdb {
class Env;
}

// For tests: a disk in memory that forgets what was not synced, and that can fail.
namespace tocsin {

// A file system for RocksDB. The content of a file is durable up to its last sync, the names in a
// directory as of the directory's last sync. Thread-safe.
class SimulatedDisk {
 public:
  struct State;

  SimulatedDisk();
  ~SimulatedDisk();

  // Lives as long as the disk.
  rocksdb::Env* env();

  // What a machine finds that lost its power now: the durable names, the durable bytes and, of what
  // was written since the last sync of a file, a random first part.
  std::unique_ptr<SimulatedDisk> PowerCut(RandomSource& random) const;

  // Called before each operation that changes the disk, with its number, beginning with 1.
  void OnOperation(std::function<void(std::uint64_t)> hook);
  std::uint64_t operations() const;

  enum class Fault : std::uint8_t { kNone, kIoError, kNoSpace };
  // From the operation of that number on every write and sync fails.
  void FailFrom(std::uint64_t operation, Fault fault);

  // For damaging files: the largest one whose name holds `part`, and its content.
  std::string LargestFile(const std::string& part) const;
  std::string Read(const std::string& name) const;
  void Write(const std::string& name, std::string content);
  void Remove(const std::string& name);
  // The sizes of the files whose name holds `part`, together.
  std::size_t BytesOf(const std::string& part) const;

 private:
  explicit SimulatedDisk(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace tocsin
