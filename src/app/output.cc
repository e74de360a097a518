#include "app/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tocsin {
namespace {

constexpr std::size_t kFlushBytes = 64 * 1024;

}  // namespace

void Output::Write(std::string_view text) {
  if (closed_) return;
  buffer_.append(text);
  if (buffer_.size() >= kFlushBytes) (void)Flush();
}

void Output::Line(std::string_view text) {
  Write(text);
  Write("\n");
}

Status Output::Flush() {
  std::string_view left = buffer_;
  while (!left.empty() && !closed_) {
    const ssize_t count = ::write(STDOUT_FILENO, left.data(), left.size());
    if (count >= 0) {
      left.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      closed_ = true;
      if (errno != EPIPE) {
        status_ =
            Fail(Code::kDiskError, std::string("write standard output: ") + std::strerror(errno));
      }
    }
  }
  buffer_.clear();
  return status_;
}

}  // namespace tocsin
