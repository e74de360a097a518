#include "app/exit_code.h"

namespace tocsin {

int ExitCodeFor(Code code) {
  switch (code) {
    case Code::kUsage:
      return kExitUsage;
    case Code::kConfiguration:
      return kExitConfiguration;
    case Code::kUnavailable:
    case Code::kFenced:
      return kExitUnavailable;
    case Code::kResourceExhausted:
    case Code::kDataLoss:
    case Code::kDiskError:
      return kExitDisk;
    case Code::kCancelled:
      return kExitInterrupted;
    case Code::kInvalidArgument:
    case Code::kNotFound:
    case Code::kFailedPrecondition:
    case Code::kInternal:
      return kExitFailed;
  }
  return kExitFailed;
}

}  // namespace tocsin
