#include "batch/rejects_writer.h"

#include <fcntl.h>

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kBufferBytes = 256 * 1024;

}  // namespace

Result<RejectsWriter> RejectsWriter::Open(const std::string& path) {
  TOCSIN_ASSIGN(FileDescriptor fd, OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
  return RejectsWriter(std::move(fd), path);
}

Status RejectsWriter::Add(std::string_view input, const RecordChunk::Item& item,
                          RejectReason reason, std::string_view message) {
  buffer_ += "{\"input\":";
  AppendJsonString(buffer_, input);
  buffer_ += ",\"line\":" + std::to_string(item.line);
  buffer_ += ",\"offset\":" + std::to_string(item.offset);
  buffer_ += ",\"reason\":\"";
  buffer_ += RejectReasonName(reason);
  buffer_ += "\",\"message\":";
  AppendJsonString(buffer_, message);
  if (IsUtf8(item.bytes)) {
    buffer_ += ",\"value\":";
    AppendJsonString(buffer_, item.bytes);
  } else {
    buffer_ += ",\"value_base64\":\"" + Base64(item.bytes) + '"';
  }
  buffer_ += "}\n";
  if (buffer_.size() < kBufferBytes) return {};
  return Finish();
}

Status RejectsWriter::Finish() {
  TOCSIN_TRY(WriteAll(fd_.get(), buffer_, path_));
  buffer_.clear();
  return {};
}

}  // namespace tocsin
