#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "generate/sink.h"

namespace tocsin {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

// Lines to a file or to standard output.
class ByteSink : public EventSink {
 public:
  ByteSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
    buffer_.reserve(kBufferBytes + 4096);
  }

  Status Write(const Generator::Event& event) override {
    buffer_.append(event.line);
    buffer_ += '\n';
    if (buffer_.size() >= kBufferBytes) return Flush();
    return {};
  }

  Status Flush() override {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
      const ssize_t written = ::write(fd_, rest.data(), rest.size());
      if (written >= 0) {
        rest.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EPIPE) {
        buffer_.clear();
        return Fail(Code::kCancelled, "nobody reads " + name_ + " any more");
      } else if (errno == EAGAIN) {
        pollfd writable{.fd = fd_, .events = POLLOUT, .revents = 0};
        ::poll(&writable, 1, -1);
      } else if (errno != EINTR) {
        return Fail(Code::kDiskError, "write " + name_ + ": " + std::strerror(errno));
      }
    }
    buffer_.clear();
    return {};
  }

  Status Close() override { return Flush(); }
  bool Full() const override { return false; }

 protected:
  int fd_;
  std::string name_;

 private:
  std::string buffer_;
};

class FileSink final : public ByteSink {
 public:
  FileSink(FileDescriptor file, const std::string& path)
      : ByteSink(file.get(), path), file_(std::move(file)) {}

  Status Close() override {
    TOCSIN_TRY(Flush());
    TOCSIN_TRY(SyncFile(fd_, name_));
    return SyncDirectory(DirectoryOf(name_));
  }

 private:
  FileDescriptor file_;
};

bool EndsInsideALine(int fd) {
  const off_t size = ::lseek(fd, 0, SEEK_END);
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

Result<std::unique_ptr<EventSink>> OpenFileSink(const std::string& path) {
  TOCSIN_TRY(MakeDirectories(DirectoryOf(path)));
  auto file = OpenFile(path, O_RDWR | O_APPEND | O_CREAT);
  if (!file) return Fail(Code::kDiskError, file.error().message());
  if (EndsInsideALine(file->get())) TOCSIN_TRY(WriteAll(file->get(), "\n", path));
  return std::make_unique<FileSink>(std::move(*file), path);
}

std::unique_ptr<EventSink> MakeStdoutSink() {
  return std::make_unique<ByteSink>(STDOUT_FILENO, "standard output");
}

}  // namespace tocsin
