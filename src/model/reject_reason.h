#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace tocsin {

// Why an event is a dead letter. A closed set: names and order are part of the contract.
enum class RejectReason : std::uint8_t {
  kNone,  // the row is good
  kInvalidUtf8,
  kInvalidJson,
  kMissingField,
  kWrongType,
  kBadTimestamp,
  kOutOfRange,
  kFutureTimestamp,
  kLate,
  kDuplicateKey,
  kTooLarge,
  kProcessingError,
};
inline constexpr std::size_t kRejectReasonCount = 12;  // kNone included

// "invalid_utf8", …; "" for kNone.
std::string_view RejectReasonName(RejectReason reason);
// The reason of that name; nothing for an unknown name and for "".
std::optional<RejectReason> FindRejectReason(std::string_view name);

}  // namespace tocsin
