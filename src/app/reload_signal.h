#pragma once

namespace tocsin {

// SIGHUP as a request to read the rule and routes files again, while an object exists; without one
// the signal ends the process, as it does by default.
//
// One object per process.
class ReloadSignal {
 public:
  ReloadSignal();
  ~ReloadSignal();
  ReloadSignal(const ReloadSignal&) = delete;
  ReloadSignal& operator=(const ReloadSignal&) = delete;

  // Whether the signal came since the last call.
  bool Take();
};

}  // namespace tocsin
