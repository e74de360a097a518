#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin {

// Why an operation failed. The caller acts on the code; the message is for people and names the
// thing, the value and the remedy.
enum class Code : std::uint8_t {
  kInvalidArgument,     // this input can never succeed; do not retry
  kNotFound,            // the named file, topic or offset does not exist
  kFailedPrecondition,  // the system is in the wrong state; mend it, then retry
  kUnavailable,         // a dependency is down or busy; retry later with backoff
  kFenced,              // another instance took over; drop what is uncommitted and begin anew
  kResourceExhausted,   // a quota or a bounded queue is full; slow down and retry
  kDataLoss,            // a checksum or an invariant is broken; stop, never skip
  kDiskError,           // a write or fsync failed; never retried (fsync lies the second time)
  kConfiguration,       // a setting is wrong
  kUsage,               // the command line is wrong
  kCancelled,           // shutdown was requested
  kInternal,            // our own mistake
};

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  // True when the same call may succeed later with no change of its input.
  bool retryable() const {
    return code_ == Code::kUnavailable || code_ == Code::kResourceExhausted;
  }
  // This error with "context: " put in front of its message.
  Error WithContext(std::string_view context) && {
    message_.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }

 private:
  Code code_;
  std::string message_;
};

// A T, or the Error that explains its absence.
template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> Fail(Code code, std::string message) {
  return std::unexpected<Error>(Error(code, std::move(message)));
}

// "invalid_argument", "not_found", …: the word for logs and --json.
std::string_view CodeName(Code code);

}  // namespace tocsin

// Leaves the function with the error of `expression` when there is one.
#define TOCSIN_TRY(expression)                                                   \
  do {                                                                           \
    if (auto tocsin_status = (expression); !tocsin_status) {                     \
      return std::unexpected<::tocsin::Error>(std::move(tocsin_status).error()); \
    }                                                                            \
  } while (false)

#define TOCSIN_CONCAT_INNER(a, b) a##b
#define TOCSIN_CONCAT(a, b) TOCSIN_CONCAT_INNER(a, b)

// TOCSIN_ASSIGN(auto x, Make()): declares or assigns x from a Result, or leaves with its error.
#define TOCSIN_ASSIGN(target, expression) \
  TOCSIN_ASSIGN_INNER(TOCSIN_CONCAT(tocsin_result_, __LINE__), target, expression)
#define TOCSIN_ASSIGN_INNER(result, target, expression)                            \
  auto result = (expression);                                                      \
  if (!result) return std::unexpected<::tocsin::Error>(std::move(result).error()); \
  target = std::move(*result)
