#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "log/log.h"

// What both ends of the local API share: frames, numbers and names. docs/formats/local_api.md
// describes the bytes.
namespace tocsin {

inline constexpr std::uint8_t kLocalApiVersion = 1;
inline constexpr std::size_t kMaxAnswerBytes = 96u << 20;
inline constexpr std::size_t kMaxFetchBytes = 4u << 20;
inline constexpr std::int64_t kMaxWaitUs = 1'000'000;
inline constexpr std::size_t kMaxControlName = 64;
inline constexpr std::size_t kMaxControlArgument = 1u << 20;

enum class Operation : std::uint8_t {
  kStatus = 1,
  kTopics = 2,
  kEnsureTopic = 3,
  kOffsets = 4,
  kFetch = 5,
  kAppendCount = 6,
  kWaitForAppend = 7,
  kCommittedOffset = 8,
  kRegisterGroup = 9,
  kReadState = 10,
  kSizeOfState = 11,
  kCommit = 12,
  kControl = 13,
};

// Reads the fields of a message one after the other. A field that does not fit gives an empty
// value and makes the reader fail from then on, so one question at the end is enough.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  std::uint8_t Byte();
  std::uint64_t Number();
  std::int64_t Signed() { return static_cast<std::int64_t>(Number()); }
  std::int32_t PartitionNumber();  // fails when it does not fit in 32 bits
  std::string_view Bytes();
  TopicPartition Partition();
  // The number of elements that follow; fails when not even `min_bytes` each can follow.
  std::uint64_t Count(std::size_t min_bytes);

  bool ok() const { return at_ != nullptr; }
  // Nothing failed and nothing is left.
  bool Finished() const { return at_ != nullptr && at_ == end_; }

 private:
  const char* at_;  // nullptr after a failure
  const char* end_;
};

void PutSigned(std::string& out, std::int64_t value);
void PutPartition(std::string& out, const TopicPartition& partition);

// The answer for an error, and back.
std::string ErrorAnswer(const Error& error);
// The result part of an answer, or the error that it carries. kUnavailable when it is neither.
Result<std::string_view> ParseAnswer(std::string_view answer);

// Sends a frame, waiting as long as the socket's send timeout allows. kUnavailable when the peer
// is gone. Never raises SIGPIPE.
Status SendFrame(int fd, std::string_view body);
// Waits for a frame. Nothing at a clean end between two frames; kUnavailable for a broken
// connection; kInvalidArgument for a length of 0 or above `max_bytes`. Memory grows with the
// bytes that arrive, not with the announced length.
Result<std::optional<std::string>> ReceiveFrame(int fd, std::size_t max_bytes);

// Whether the process at the other end of a Unix socket runs as this user or as root.
bool PeerIsSameUserOrRoot(int fd);

}  // namespace tocsin
