#include "base/error.h"

namespace tocsin {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
      return "invalid_argument";
    case Code::kNotFound:
      return "not_found";
    case Code::kFailedPrecondition:
      return "failed_precondition";
    case Code::kUnavailable:
      return "unavailable";
    case Code::kFenced:
      return "fenced";
    case Code::kResourceExhausted:
      return "resource_exhausted";
    case Code::kDataLoss:
      return "data_loss";
    case Code::kDiskError:
      return "disk_error";
    case Code::kConfiguration:
      return "configuration";
    case Code::kUsage:
      return "usage";
    case Code::kCancelled:
      return "cancelled";
    case Code::kInternal:
      return "internal";
  }
  return "internal";
}

}  // namespace tocsin
