#include "model/reject_reason.h"

#include <array>

namespace tocsin {
namespace {

constexpr std::array<std::string_view, kRejectReasonCount> kNames = {
    "",           "invalid_utf8",  "invalid_json", "missing_field",
    "wrong_type", "bad_timestamp", "out_of_range", "future_timestamp",
    "late",       "duplicate_key", "too_large",    "processing_error"};

}  // namespace

std::string_view RejectReasonName(RejectReason reason) {
  return kNames[static_cast<std::size_t>(reason)];
}

std::optional<RejectReason> FindRejectReason(std::string_view name) {
  for (std::size_t i = 1; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<RejectReason>(i);
  }
  return std::nullopt;
}

}  // namespace tocsin
