#include "log_backends/simulated_disk.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <vector>

namespace tocsin {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct Content {
  std::string bytes;
  std::size_t synced = 0;
};
using ContentPtr = std::shared_ptr<Content>;
using Names = std::map<std::string, ContentPtr>;

std::string DirectoryOfName(const std::string& name) {
  return name.substr(0, name.rfind('/'));
}

}  // namespace

struct SimulatedDisk::State {
  mutable std::mutex mutex;
  Names now;
  Names durable;
  std::set<std::string> directories;
  std::set<std::string> locked;
  std::uint64_t operations = 0;
  std::function<void(std::uint64_t)> hook;
  std::uint64_t fail_from = 0;
  Fault fault = Fault::kNone;

  // Counts an operation; the error when it is to fail. Without the mutex.
  IOStatus Step() {
    std::function<void(std::uint64_t)> call;
    std::uint64_t number = 0;
    {
      const std::lock_guard lock(mutex);
      number = ++operations;
      call = hook;
    }
    if (call) call(number);
    const std::lock_guard lock(mutex);
    if (fault == Fault::kNone || number < fail_from) return IOStatus::OK();
    return fault == Fault::kNoSpace ? IOStatus::NoSpace("simulated")
                                    : IOStatus::IOError("simulated");
  }
  ContentPtr Find(const std::string& name) const {
    const std::lock_guard lock(mutex);
    const auto found = now.find(name);
    return found == now.end() ? nullptr : found->second;
  }
};

namespace {

using StatePtr = std::shared_ptr<SimulatedDisk::State>;

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(StatePtr state, ContentPtr content)
      : state_(std::move(state)), content_(std::move(content)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    const std::lock_guard lock(state_->mutex);
    const std::size_t size =
        std::min(n, content_->bytes.size() - std::min(at_, content_->bytes.size()));
    std::memcpy(scratch, content_->bytes.data() + at_, size);
    at_ += size;
    *result = Slice(scratch, size);
    return IOStatus::OK();
  }
  IOStatus Skip(uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }

 private:
  const StatePtr state_;
  const ContentPtr content_;
  std::size_t at_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(StatePtr state, ContentPtr content)
      : state_(std::move(state)), content_(std::move(content)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    const std::lock_guard lock(state_->mutex);
    const std::size_t at = std::min<std::size_t>(offset, content_->bytes.size());
    const std::size_t size = std::min(n, content_->bytes.size() - at);
    std::memcpy(scratch, content_->bytes.data() + at, size);
    *result = Slice(scratch, size);
    return IOStatus::OK();
  }

 private:
  const StatePtr state_;
  const ContentPtr content_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(StatePtr state, ContentPtr content)
      : state_(std::move(state)), content_(std::move(content)) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    IOStatus step = state_->Step();
    const std::lock_guard lock(state_->mutex);
    // A failing disk takes a part of the bytes.
    content_->bytes.append(data.data(), step.ok() ? data.size() : data.size() / 2);
    return step;
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(state_->mutex);
    content_->bytes.resize(size);
    return IOStatus::OK();
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    IOStatus step = state_->Step();
    if (!step.ok()) return step;
    const std::lock_guard lock(state_->mutex);
    content_->synced = content_->bytes.size();
    return step;
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(state_->mutex);
    return content_->bytes.size();
  }

 private:
  const StatePtr state_;
  const ContentPtr content_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(StatePtr state, std::string name) : state_(std::move(state)), name_(std::move(name)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    IOStatus step = state_->Step();
    if (!step.ok()) return step;
    const std::lock_guard lock(state_->mutex);
    const auto here = [&](const auto& entry) { return DirectoryOfName(entry.first) == name_; };
    std::erase_if(state_->durable, here);
    for (const auto& entry : state_->now) {
      if (here(entry)) state_->durable.insert(entry);
    }
    return step;
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const StatePtr state_;
  const std::string name_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::string name_in) : name(std::move(name_in)) {}
  const std::string name;
};

class DiskFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  explicit DiskFileSystem(StatePtr state)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), state_(std::move(state)) {}
  const char* Name() const override { return "SimulatedDisk"; }

  IOStatus NewSequentialFile(const std::string& name, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    return Open<SequentialFile>(name, file);
  }
  IOStatus NewRandomAccessFile(const std::string& name, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext*) override {
    return Open<RandomAccessFile>(name, file);
  }
  IOStatus NewWritableFile(const std::string& name, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    IOStatus step = state_->Step();
    if (!step.ok()) return step;
    auto content = std::make_shared<Content>();
    const std::lock_guard lock(state_->mutex);
    state_->now[name] = content;
    *file = std::make_unique<WritableFile>(state_, std::move(content));
    return step;
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext*) override {
    return Open<WritableFile>(name, file);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    *directory = std::make_unique<Directory>(state_, name);
    return IOStatus::OK();
  }
  IOStatus FileExists(const std::string& name, const IOOptions&, IODebugContext*) override {
    return state_->Find(name) ? IOStatus::OK() : IOStatus::NotFound(name);
  }
  IOStatus GetChildren(const std::string& directory, const IOOptions&,
                       std::vector<std::string>* names, IODebugContext*) override {
    names->clear();
    const std::lock_guard lock(state_->mutex);
    for (const auto& [name, content] : state_->now) {
      if (DirectoryOfName(name) == directory) names->push_back(name.substr(directory.size() + 1));
    }
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) override {
    IOStatus step = state_->Step();
    if (!step.ok()) return step;
    const std::lock_guard lock(state_->mutex);
    return state_->now.erase(name) > 0 ? step : IOStatus::NotFound(name);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    IOStatus step = state_->Step();
    if (!step.ok()) return step;
    const std::lock_guard lock(state_->mutex);
    const auto found = state_->now.find(from);
    if (found == state_->now.end()) return IOStatus::NotFound(from);
    state_->now[to] = found->second;
    state_->now.erase(from);
    return step;
  }
  IOStatus LinkFile(const std::string&, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported("link");
  }
  IOStatus GetFileSize(const std::string& name, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const ContentPtr content = state_->Find(name);
    if (!content) return IOStatus::NotFound(name);
    const std::lock_guard lock(state_->mutex);
    *size = content->bytes.size();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus CreateDir(const std::string& name, const IOOptions&, IODebugContext*) override {
    return MakeDirectory(name);
  }
  IOStatus CreateDirIfMissing(const std::string& name, const IOOptions&, IODebugContext*) override {
    return MakeDirectory(name);
  }
  IOStatus DeleteDir(const std::string&, const IOOptions&, IODebugContext*) override {
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& name, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    const std::lock_guard lock(state_->mutex);
    *is_directory = state_->directories.contains(name);
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& name, const IOOptions&, std::string* path,
                           IODebugContext*) override {
    *path = name;
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    const std::lock_guard guard(state_->mutex);
    if (!state_->locked.insert(name).second) return IOStatus::IOError("lock " + name);
    *lock = new Lock(name);
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    const std::unique_ptr<Lock> held(static_cast<Lock*>(lock));
    const std::lock_guard guard(state_->mutex);
    state_->locked.erase(held->name);
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string&, const IOOptions&, uint64_t* free,
                        IODebugContext*) override {
    *free = 1ull << 40;
    return IOStatus::OK();
  }

 private:
  template <class File, class Base>
  IOStatus Open(const std::string& name, std::unique_ptr<Base>* file) {
    ContentPtr content = state_->Find(name);
    if (!content) return IOStatus::PathNotFound(name);
    *file = std::make_unique<File>(state_, std::move(content));
    return IOStatus::OK();
  }
  IOStatus MakeDirectory(const std::string& name) {
    const std::lock_guard lock(state_->mutex);
    state_->directories.insert(name);
    return IOStatus::OK();
  }

  const StatePtr state_;
};

}  // namespace

SimulatedDisk::SimulatedDisk() : SimulatedDisk(std::make_shared<State>()) {}

SimulatedDisk::SimulatedDisk(std::shared_ptr<State> state)
    : state_(std::move(state)),
      env_(rocksdb::NewCompositeEnv(std::make_shared<DiskFileSystem>(state_))) {}

SimulatedDisk::~SimulatedDisk() = default;

rocksdb::Env* SimulatedDisk::env() {
  return env_.get();
}

std::unique_ptr<SimulatedDisk> SimulatedDisk::PowerCut(RandomSource& random) const {
  auto after = std::make_shared<State>();
  const std::lock_guard lock(state_->mutex);
  after->directories = state_->directories;
  for (const auto& [name, content] : state_->durable) {
    const std::size_t synced = std::min(content->synced, content->bytes.size());
    const std::size_t torn = random.NextBelow(content->bytes.size() - synced + 1);
    auto left = std::make_shared<Content>();
    left->bytes = content->bytes.substr(0, synced + torn);
    left->synced = left->bytes.size();
    after->now[name] = left;
  }
  after->durable = after->now;
  return std::unique_ptr<SimulatedDisk>(new SimulatedDisk(std::move(after)));
}

void SimulatedDisk::OnOperation(std::function<void(std::uint64_t)> hook) {
  const std::lock_guard lock(state_->mutex);
  state_->hook = std::move(hook);
}

std::uint64_t SimulatedDisk::operations() const {
  const std::lock_guard lock(state_->mutex);
  return state_->operations;
}

void SimulatedDisk::FailFrom(std::uint64_t operation, Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->fail_from = operation;
  state_->fault = fault;
}

std::string SimulatedDisk::LargestFile(const std::string& part) const {
  const std::lock_guard lock(state_->mutex);
  std::string largest;
  std::size_t size = 0;
  for (const auto& [name, content] : state_->now) {
    if (name.find(part) == std::string::npos || content->bytes.size() < size) continue;
    largest = name;
    size = content->bytes.size();
  }
  return largest;
}

std::string SimulatedDisk::Read(const std::string& name) const {
  const ContentPtr content = state_->Find(name);
  const std::lock_guard lock(state_->mutex);
  return content->bytes;
}

void SimulatedDisk::Write(const std::string& name, std::string content) {
  const ContentPtr file = state_->Find(name);
  const std::lock_guard lock(state_->mutex);
  file->bytes = std::move(content);
  file->synced = file->bytes.size();
}

void SimulatedDisk::Remove(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  state_->now.erase(name);
  state_->durable.erase(name);
}

std::size_t SimulatedDisk::BytesOf(const std::string& part) const {
  const std::lock_guard lock(state_->mutex);
  std::size_t bytes = 0;
  for (const auto& [name, content] : state_->now) {
    if (name.find(part) != std::string::npos) bytes += content->bytes.size();
  }
  return bytes;
}

}  // namespace tocsin
