#include "ingest/line_framer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tocsin {
namespace {

constexpr std::size_t kReadBytes = 1024 * 1024;
constexpr std::string_view kWhiteSpace = " \t\r\n";

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(kWhiteSpace) == std::string_view::npos;
}

}  // namespace

LineFramer::LineFramer(std::size_t max_line_bytes)
    : max_line_bytes_(max_line_bytes),
      capacity_(kReadBytes + max_line_bytes + 2),
      buffer_(std::make_unique<char[]>(capacity_ + kPadding)) {}

void LineFramer::Reset(std::uint64_t offset, std::uint64_t lines) {
  begin_ = end_ = searched_ = 0;
  offset_ = offset;
  lines_ = lines;
  skipping_ = false;
}

Result<std::size_t> LineFramer::Fill(int fd, const std::string& name) {
  const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
  // One byte more than the limit may still be the `\r` of the line's end.
  if (skipping_ || rest.size() > max_line_bytes_ + 1) {
    Skip(rest);
    begin_ = end_ = searched_ = 0;
  } else if (begin_ > 0) {
    std::memmove(buffer_.get(), rest.data(), rest.size());
    end_ = rest.size();
    searched_ = end_;
    begin_ = 0;
  }
  for (;;) {
    const ssize_t count = ::read(fd, buffer_.get() + end_, std::min(kReadBytes, capacity_ - end_));
    if (count >= 0) {
      end_ += static_cast<std::size_t>(count);
      return static_cast<std::size_t>(count);
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return Fail(Code::kInternal, "read " + name + ": input is non-blocking");
    return Fail(Code::kDiskError, "read " + name + ": " + std::strerror(errno));
  }
}

bool LineFramer::Next(FramedLine& line) {
  const char* const from = buffer_.get() + searched_;
  const void* found = std::memchr(from, '\n', end_ - searched_);
  if (found == nullptr) {
    searched_ = end_;
    return false;
  }
  const auto at = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.get());
  const std::string_view text(buffer_.get() + begin_, at - begin_);
  const std::size_t consumed = text.size() + 1;
  if (skipping_) {
    Skip(text);
    begin_ = searched_ = at + 1;
    return EndSkipped(1, line);
  }
  Describe(text, consumed, line);
  begin_ = searched_ = at + 1;
  return true;
}

bool LineFramer::Finish(FramedLine& line) {
  const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
  if (skipping_) {
    Skip(rest);
    begin_ = searched_ = end_;
    return EndSkipped(0, line);
  }
  if (rest.empty()) return false;
  Describe(rest, rest.size(), line);
  begin_ = searched_ = end_;
  return true;
}

void LineFramer::Describe(std::string_view text, std::uint64_t consumed, FramedLine& line) {
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  offset_ += consumed;
  line.number = ++lines_;
  line.size = text.size();
  line.end_offset = offset_;
  line.blank = text.empty() || (text.front() != '{' && IsBlank(text));
  line.too_large = text.size() > max_line_bytes_;
  line.bytes = line.too_large ? text.substr(0, kHeadBytes) : text;
}

// Takes `text`, the whole unread rest or a part of it, into the too large line in progress.
void LineFramer::Skip(std::string_view text) {
  if (!skipping_) {
    skipping_ = true;
    skipped_blank_ = true;
    skipped_size_ = 0;
    head_.clear();
  }
  skipped_blank_ = skipped_blank_ && IsBlank(text);
  skipped_size_ += text.size();
  if (!text.empty()) skipped_last_ = text.back();
  head_.append(text.substr(0, kHeadBytes - std::min(kHeadBytes, head_.size())));
  offset_ += text.size();
}

bool LineFramer::EndSkipped(std::uint64_t consumed, FramedLine& line) {
  skipping_ = false;
  offset_ += consumed;
  line.number = ++lines_;
  line.size = skipped_size_ - (skipped_last_ == '\r' ? 1 : 0);
  line.end_offset = offset_;
  line.blank = skipped_blank_;
  line.too_large = true;
  line.bytes = std::string_view(head_).substr(0, line.size);
  return true;
}

}  // namespace tocsin
