#include "local_api/wire.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/bytes.h"

namespace tocsin {
namespace {

constexpr std::size_t kReceiveChunk = 256u << 10;

std::unexpected<Error> ConnectionFailure(std::string_view action, int error) {
  return Fail(Code::kUnavailable,
              "local connection: " + std::string(action) + ": " + std::strerror(error));
}

// Fills [at, at + size). The number of bytes received, fewer only at the end of the stream.
Result<std::size_t> ReceiveAll(int fd, char* at, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::recv(fd, at + done, size - done, 0);
    if (got == 0) break;
    if (got < 0) {
      if (errno == EINTR) continue;
      return ConnectionFailure("receive", errno);
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

std::uint8_t FieldReader::Byte() {
  if (at_ == nullptr || at_ == end_) {
    at_ = nullptr;
    return 0;
  }
  return static_cast<std::uint8_t>(*at_++);
}

std::uint64_t FieldReader::Number() {
  std::uint64_t value = 0;
  if (at_ != nullptr) at_ = ReadVarint(at_, end_, value);
  return value;
}

std::int32_t FieldReader::PartitionNumber() {
  const std::int64_t value = Signed();
  if (value < std::numeric_limits<std::int32_t>::min() ||
      value > std::numeric_limits<std::int32_t>::max()) {
    at_ = nullptr;
    return 0;
  }
  return static_cast<std::int32_t>(value);
}

std::string_view FieldReader::Bytes() {
  std::string_view bytes;
  if (at_ != nullptr) at_ = ReadBytes(at_, end_, bytes);
  return bytes;
}

TopicPartition FieldReader::Partition() {
  TopicPartition partition;
  partition.topic = Bytes();
  partition.partition = PartitionNumber();
  return partition;
}

std::uint64_t FieldReader::Count(std::size_t min_bytes) {
  const std::uint64_t count = Number();
  if (at_ == nullptr || count > static_cast<std::uint64_t>(end_ - at_) / min_bytes) {
    at_ = nullptr;
    return 0;
  }
  return count;
}

void PutSigned(std::string& out, std::int64_t value) {
  PutVarint(out, static_cast<std::uint64_t>(value));
}

void PutPartition(std::string& out, const TopicPartition& partition) {
  PutBytes(out, partition.topic);
  PutSigned(out, partition.partition);
}

std::string ErrorAnswer(const Error& error) {
  std::string answer(1, static_cast<char>(static_cast<int>(error.code()) + 1));
  PutBytes(answer, error.message());
  return answer;
}

Result<std::string_view> ParseAnswer(std::string_view answer) {
  FieldReader reader(answer);
  const std::uint8_t code = reader.Byte();
  if (reader.ok() && code == 0) return answer.substr(1);
  const std::string_view message = reader.Bytes();
  if (!reader.Finished() || code > static_cast<std::uint8_t>(Code::kInternal) + 1) {
    return Fail(Code::kUnavailable,
                "local connection: an answer is malformed; are both programs "
                "of the same version?");
  }
  return Fail(static_cast<Code>(code - 1), std::string(message));
}

Status SendFrame(int fd, std::string_view body) {
  char length[4];
  const auto size = static_cast<std::uint32_t>(body.size());
  std::memcpy(length, &size, sizeof size);
  std::size_t done = 0;  // of the length and the body together
  while (done < sizeof length + body.size()) {
    const std::size_t of_length = std::min(done, sizeof length);
    const std::size_t of_body = done - of_length;
    iovec parts[] = {{length + of_length, sizeof length - of_length},
                     {const_cast<char*>(body.data()) + of_body, body.size() - of_body}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return ConnectionFailure("send", errno);
    }
    done += static_cast<std::size_t>(sent);
  }
  return {};
}

Result<std::optional<std::string>> ReceiveFrame(int fd, std::size_t max_bytes) {
  char length[4];
  TOCSIN_ASSIGN(const std::size_t got, ReceiveAll(fd, length, sizeof length));
  if (got == 0) return std::nullopt;
  if (got < sizeof length) return ConnectionFailure("receive", ECONNRESET);
  const std::size_t size = GetFixed<std::uint32_t>(length);
  if (size == 0 || size > max_bytes) {
    return Fail(Code::kInvalidArgument, "a message of " + std::to_string(size) + " bytes; 1 to " +
                                            std::to_string(max_bytes) + " are allowed");
  }
  std::string body;
  while (body.size() < size) {
    const std::size_t before = body.size();
    const std::size_t chunk = std::min(size - before, std::max(kReceiveChunk, before));
    body.resize(before + chunk);
    TOCSIN_ASSIGN(const std::size_t received, ReceiveAll(fd, body.data() + before, chunk));
    if (received < chunk) return ConnectionFailure("receive", ECONNRESET);
  }
  return body;
}

bool PeerIsSameUserOrRoot(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace tocsin
