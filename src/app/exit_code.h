#pragma once

#include "base/error.h"

// The exit codes of the contract (docs/reference/cli.md); where sysexits.h has a code for it, that.
namespace tocsin {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 64;
inline constexpr int kExitUnavailable = 69;
inline constexpr int kExitDisk = 74;
inline constexpr int kExitConfiguration = 78;
inline constexpr int kExitInterrupted = 130;

// The code of a command that ended with an error of `code`.
int ExitCodeFor(Code code);

}  // namespace tocsin
