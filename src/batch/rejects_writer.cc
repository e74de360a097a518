#include "batch/rejects_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

Result<RejectsWriter> RejectsWriter::Open(const std::string& path) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  return RejectsWriter(std::move(fd), path);
}

void RejectsWriter::AppendLine(std::string_view input, const RecordChunk::Item& item,
                               RejectReason reason, std::string_view message, std::string& lines) {
  lines += "{\"input\":";
  AppendJsonString(lines, input);
  lines += ",\"line\":" + std::to_string(item.line);
  lines += ",\"offset\":" + std::to_string(item.offset);
  lines += ",\"reason\":\"";
  lines += RejectReasonName(reason);
  lines += "\",\"message\":";
  AppendJsonString(lines, message);
  if (IsUtf8(item.bytes)) {
    lines += ",\"value\":";
    AppendJsonString(lines, item.bytes);
  } else {
    lines += ",\"value_base64\":\"" + Base64(item.bytes) + '"';
  }
  lines += "}\n";
}

Status RejectsWriter::Add(std::string_view lines) {
  buffer_ += lines;
  if (buffer_.size() < kBufferBytes) return {};
  return Finish();
}

Status RejectsWriter::CopyHead(const std::string& path, std::uint64_t bytes) {
  if (bytes == 0) return {};
  TOCSIN_ASSIGN(const FileDescriptor from, OpenFile(path, O_RDONLY));
  while (bytes_ + buffer_.size() < bytes) {
    const std::uint64_t left = bytes - bytes_ - buffer_.size();
    const std::size_t begin = buffer_.size();
    buffer_.resize(begin + static_cast<std::size_t>(std::min<std::uint64_t>(left, kBufferBytes)));
    const ssize_t got = ::read(from.get(), buffer_.data() + begin, buffer_.size() - begin);
    if (got <= 0 && !(got < 0 && errno == EINTR)) {
      return Fail(Code::kDataLoss, path +
                                       " is shorter than the last run left it; run once without "
                                       "--since-last, or remove the state beside the tables");
    }
    buffer_.resize(begin + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    TOCSIN_TRY(Finish());
  }
  return {};
}

Status RejectsWriter::Finish() {
  TOCSIN_TRY(WriteAll(fd_.get(), buffer_, path_));
  bytes_ += buffer_.size();
  buffer_.clear();
  return {};
}

}  // namespace tocsin
